import type { Clock } from '../clock.ts'
import type { Target } from '../discovery/peer.ts'
import { describe } from '../errors.ts'
import { isMutualRefusal, isUnavailable } from '../transport/peer-status-error.ts'
import type { Outcome } from './receipt.ts'

/** A peer that cannot be reached is warned of once that has lasted for so long: a restart takes less. */
const LOSS_MS = 3_000
/** A Pod that is not ready and has never answered is taken for one that starts, for so long. */
const STARTING_MS = 30_000

/** How a receipt counts a Pod that is being deleted: its clients get the event where they come back. */
export const LEAVING: Outcome = { status: 'pending', reason: 'the Pod is being deleted' }

/** The failures of one link since its last request that worked. */
export class Outage {
  /** How many there are. */
  failures = 0
  /** Why the last request failed, also if one has worked since. */
  lastError: string | undefined
  /** Whether the peer and this Pod refused each other, and no request has worked since. */
  isRefused = false
  readonly #clock: Clock
  readonly #bornAt: number
  #since = Number.NaN
  #isMet = false
  #wasNotReady = false

  constructor(clock: Clock) {
    this.#clock = clock
    this.#bornAt = clock.now()
  }

  /** The peer has answered once. */
  get isMet(): boolean {
    return this.#isMet
  }

  /** A request worked. */
  end(): void {
    this.failures = 0
    this.isRefused = false
    this.#isMet = true
  }

  /**
   * One failure more. `expected`: of a Pod that is starting or being deleted, which is no fault. `brief`: it may be over
   * at once. `lasting`: an operator should look.
   */
  fail(error: unknown, target: Target): 'expected' | 'brief' | 'lasting' {
    const now = this.#clock.now()
    if (this.failures === 0) this.#since = now
    this.failures += 1
    this.lastError = describe(error)
    this.isRefused ||= isMutualRefusal(error)
    this.#wasNotReady ||= target.ready === false
    if (!isUnavailable(error)) return 'lasting'
    if (target.terminating || this.#isStarting()) return 'expected'
    return now - this.#since < LOSS_MS ? 'brief' : 'lasting'
  }

  /** The entry in a receipt for a peer whose last request failed. */
  outcome(target: Target): Outcome {
    if (target.terminating) return LEAVING
    const reason = this.lastError ?? ''
    if (this.#isStarting()) return { status: 'pending', reason: `the Pod is starting: ${reason}` }
    return { status: 'failed', reason }
  }

  /** Also when it has just become ready: it will answer the next request. */
  #isStarting(): boolean {
    return this.#wasNotReady && !this.#isMet && this.#clock.now() - this.#bornAt < STARTING_MS
  }
}
