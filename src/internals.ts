import { type Clock, systemClock } from './clock.ts'
import { type ResolvedOptions, resolveOptions, type SserOptions } from './options.ts'
import type { OpenExchange } from './transport/peer-transport.ts'
import { MAX_POSITION_BYTES } from './wire/position.ts'

/** Values that are no options, because no app has a reason to change them: tests, simulations and benches do. */
export interface Internals {
  /** Time, timers and random numbers. */
  clock: Clock
  /** Sends requests to peers; undefined for the runtime's own client. */
  peerFetch: ((url: string, init: RequestInit) => Promise<Response>) | undefined
  /** Opens exchanges with peers; undefined for the runtime's own client, or with `peerFetch` for none. */
  openExchange: OpenExchange | undefined
  /** Time in which a peer must respond to one request, in milliseconds. */
  requestTimeoutMs: number
  /** Time in which a new Pod may fetch the log of a peer, in milliseconds; after it the Pod starts with an empty log. */
  initialSyncTimeoutMs: number
  /** Time in which a body must arrive on the internal port, in milliseconds. */
  internalBodyTimeoutMs: number
  /**
   * Maximum bytes buffered for incomplete bodies on the internal port, at least one longest body. Beyond it the largest
   * body of the heaviest sender is rejected with 503.
   */
  maxBufferedBodyBytes: number
  /**
   * Maximum length of an event id and of a `Last-Event-ID`, in bytes; a longer one is a gap. If more than some 300 Pods
   * were replaced within 2.5 times `logMaxAgeMs`, ids leave out the Pods that were silent longest, and their clients get
   * a gap.
   */
  maxLastEventIdBytes: number
}

export const INTERNALS: Readonly<Internals> = {
  clock: systemClock,
  peerFetch: undefined,
  openExchange: undefined,
  requestTimeoutMs: 5_000,
  initialSyncTimeoutMs: 5_000,
  internalBodyTimeoutMs: 10_000,
  maxBufferedBodyBytes: 67_108_864,
  maxLastEventIdBytes: MAX_POSITION_BYTES,
}

/** Options and internals, with their defaults. */
export interface Settings extends ResolvedOptions, Internals {}

/** Checks the options, and adds the defaults. @throws SserError `invalid-options` */
export function resolveSettings(options: SserOptions, internals: Partial<Internals> = {}): Settings {
  return { ...resolveOptions(options), ...INTERNALS, ...internals }
}
