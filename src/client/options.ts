import type { Clock } from '../clock.ts'
import type { ClientError } from './error.ts'
import type { Page } from './wakes.ts'

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

/** Headers of a request. */
export type HeaderValues = Readonly<Record<string, string>> | Headers

/** Told to {@link ConnectOptions.headers}. */
export interface HeadersContext {
  /** 401 where the server has refused the last headers: a token from a cache is expired. */
  readonly status: number | undefined
  /** Aborts when the client no longer needs the headers. */
  readonly signal: AbortSignal
}

/** The part of `fetch()` that the client uses. */
export type FetchFunction = (url: string, init: RequestInit) => Promise<Response>

/** Values that the connections of one client share. */
export interface Settings {
  readonly url: string
  readonly headers: ((context: HeadersContext) => HeaderValues | Promise<HeaderValues>) | undefined
  readonly credentials: 'omit' | 'same-origin' | 'include' | undefined
  readonly fetch: FetchFunction
  /** Interval of the server's heartbeat in milliseconds. */
  readonly heartbeatMs: number
  /** False: this page has a connection of its own, as with `persist`. */
  readonly share: boolean
  /** Name of the login. Tabs share a connection only where it is equal. */
  readonly user: string | undefined
  /** True: the position survives a reload. */
  readonly persist: boolean
  readonly clock: Clock
  /** Tells when the page is shown again, or the network is back. */
  readonly page: Page
}

/** The time of the page. The wall clock, because a monotonic one stands still while a laptop sleeps. */
export const pageClock: Clock = {
  now: () => Date.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, Math.min(ms, 0x7fffffff))
    return () => clearTimeout(timer)
  },
  random: () => Math.random(),
}
