import type { ClientError } from './error.ts'
import type { FetchFunction, HeadersContext, HeaderValues } from './settings.ts'

/** Reports that events may be missing before the next one. */
export interface Gap {
  /** The server's reason, `not-resumed` where the server did not receive the position, or `slow-reader`. */
  readonly reason: string
}

/** Options of `connect()`. */
export interface ConnectOptions {
  /**
   * Headers of each request. A function is called anew for each attempt, and again with `status: 401` after a 401, so that
   * an expired token is replaced.
   * @default none
   */
  headers?: HeaderValues | ((context: HeadersContext) => HeaderValues | Promise<HeaderValues>) | undefined
  /** As in `fetch()`: `include` sends cookies to another origin. @default same-origin */
  credentials?: 'omit' | 'same-origin' | 'include' | undefined
  /** Replaces `fetch`, for a runtime whose own does not stream, such as React Native. @default globalThis.fetch */
  fetch?: FetchFunction | undefined
  /**
   * The heartbeat to expect until the server has named its own, in milliseconds. A connection without a byte for
   * 1.75 times as long is replaced.
   * @default 15_000
   */
  heartbeatMs?: number | undefined
  /** False: this page has a connection of its own. @default true: the tabs of an origin share one, where they can */
  share?: boolean | undefined
  /**
   * Name of the login, such as a user id. Tabs share a connection, and a stored position is used, only where it is equal.
   * @default ''
   */
  user?: string | undefined
  /**
   * True: the position survives a reload, in `sessionStorage`, and the page is sent what came in between. The page then has
   * a connection of its own.
   * @default false
   */
  persist?: boolean | undefined
  /** Asks the application to cancel a run, for `run.cancel()`. @default none */
  cancelRun?: ((name: string) => unknown) | undefined
  /** Called where events may be missing. @default none */
  onGap?: ((gap: Gap) => void) | undefined
  /** Called for each error, also for those that the client recovers from. @default none */
  onError?: ((error: ClientError) => void) | undefined
}
