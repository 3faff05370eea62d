import type { Clock } from '../clock.ts'
import type { Page } from './wakes.ts'

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
