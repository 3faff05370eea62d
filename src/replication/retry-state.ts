import type { Clock } from '../clock.ts'
import { describe } from '../errors.ts'
import {
  isAbsent,
  isMutualRefusal,
  isUnavailable,
  PeerTimeoutError,
  type Target,
} from '../transport/peer-transport.ts'
import type { AckResult } from './receipt.ts'

/** After a failure a link waits a random part of this, doubled with each further failure, in milliseconds. */
const BACKOFF_MS = 200
const MAX_BACKOFF_MS = 5_000
/** An unavailable peer is reported as lost after this time, in milliseconds; a restart takes less. */
const LOSS_MS = 3_000
/** A Pod that is not ready and has never responded counts as starting for this long, in milliseconds. */
const STARTING_MS = 30_000
/** Minimum time between two retries that are brought forward, in milliseconds. */
const EXPEDITE_MS = 1_000

/** Result at a Pod that is being deleted: its clients get the event from the Pod that they reconnect to. */
export const LEAVING: AckResult = { status: 'pending', reason: 'the Pod is being deleted' }

/** The failures of one link since its last successful request. */
export class RetryState {
  failures = 0
  /** Error of the last failed request, also after later requests succeeded. */
  lastError: string | undefined
  /** True if the peer and this Pod refused each other, and no request has succeeded since. */
  isRefused = false
  /** True if the last request failed because the peer did not respond in time. */
  isHung = false
  readonly #clock: Clock
  readonly #createdAt: number
  #since = Number.NaN
  #hasResponded = false
  #wasNotReady = false
  #cancelRetry: (() => void) | undefined
  #expeditedAt = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
    this.#createdAt = clock.now()
  }

  /** True if the peer has ever responded. */
  get hasResponded(): boolean {
    return this.#hasResponded
  }

  /** Records that a request succeeded. */
  end(): void {
    this.failures = 0
    this.isRefused = false
    this.isHung = false
    this.#hasResponded = true
  }

  /**
   * Records a failure. `expected`: the Pod is starting or being deleted, or may not be started yet, which is no error. `brief`:
   * the outage may end at once. `persistent`: an operator should look. `isAlone`: no peer has ever sent a message.
   */
  fail(error: unknown, target: Target, isAlone: boolean): 'expected' | 'brief' | 'persistent' {
    const now = this.#clock.now()
    if (this.failures === 0) this.#since = now
    this.failures += 1
    this.lastError = describe(error)
    this.isRefused ||= isMutualRefusal(error)
    this.isHung = error instanceof PeerTimeoutError
    this.#wasNotReady ||= target.ready === false
    if (!isUnavailable(error)) return 'persistent'
    if (target.terminating || this.#isStarting()) return 'expected'
    if (isAlone && target.ready === undefined && isAbsent(error)) {
      // The first Pod of a fleet. The others have their time to start from the moment at which one of them responds.
      this.#since = now
      return 'expected'
    }
    return now - this.#since < LOSS_MS ? 'brief' : 'persistent'
  }

  /** True if the next request waits for its retry. */
  get isWaiting(): boolean {
    return this.#cancelRetry !== undefined
  }

  /** Calls `retry` after the backoff. */
  scheduleRetry(retry: () => void): void {
    const ceiling = Math.min(MAX_BACKOFF_MS, BACKOFF_MS * 2 ** (this.failures - 1))
    this.#cancelRetry = this.#clock.after(ceiling * (0.5 + this.#clock.random() / 2), () => {
      this.#cancelRetry = undefined
      retry()
    })
  }

  /** Cancels the retry; false if none is scheduled. */
  cancelRetry(): boolean {
    if (this.#cancelRetry === undefined) return false
    this.#cancelRetry()
    this.#cancelRetry = undefined
    return true
  }

  /**
   * Cancels the retry, because the peer may be back. Returns false if none is scheduled, or if this was done within the last
   * second: a peer that invents Pods must not cause a request for each.
   */
  expedite(): boolean {
    const now = this.#clock.now()
    if (now - this.#expeditedAt < EXPEDITE_MS || !this.cancelRetry()) return false
    this.#expeditedAt = now
    return true
  }

  /** Entry in a receipt for a peer after a failed request. */
  result(target: Target): AckResult {
    if (target.terminating) return LEAVING
    const reason = this.lastError ?? ''
    if (this.#isStarting()) return { status: 'pending', reason: `the Pod is starting: ${reason}` }
    return { status: this.isHung ? 'pending' : 'failed', reason }
  }

  /** A Pod that has just become ready counts as starting, too: it will respond to the next request. */
  #isStarting(): boolean {
    return this.#wasNotReady && !this.#hasResponded && this.#clock.now() - this.#createdAt < STARTING_MS
  }
}
