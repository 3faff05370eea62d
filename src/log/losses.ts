import type { GapReason } from '../wire/sse-frame.ts'
import type { Timing } from './timing.ts'

/**
 * Times at which clients may have missed events without an epoch, or events that never arrived here. No position tells
 * which clients lack them, so each client that resumes within {@link Timing.v1GapMs} of such a time gets a gap.
 */
export class Losses {
  readonly #timing: Timing
  #v1At = Number.NEGATIVE_INFINITY
  #refusedAt = Number.NEGATIVE_INFINITY

  constructor(timing: Timing) {
    this.#timing = timing
  }

  /** Records that an event of a Go Pod arrived at this Pod, or may have arrived at a peer of it. */
  onV1Event(at: number): void {
    this.#v1At = Math.max(this.#v1At, at)
  }

  /** Records that this Pod and a peer reject each other's requests: events of that peer did not arrive here. */
  onRefusal(at: number): void {
    this.#refusedAt = at
  }

  /** Time since the last of them, which a new Pod must know as well; undefined: there was none. */
  ageMs(now: number): number | undefined {
    const at = Math.max(this.#v1At, this.#refusedAt)
    return at === Number.NEGATIVE_INFINITY ? undefined : now - at
  }

  /** Reason why a client that resumes now may have missed events. */
  gapReason(now: number): GapReason | undefined {
    const { v1GapMs } = this.#timing
    if (now - this.#v1At <= v1GapMs) return 'legacy-peer'
    return now - this.#refusedAt <= v1GapMs ? 'peer-loss' : undefined
  }
}
