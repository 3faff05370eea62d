import type { Clock } from '../clock.ts'

/**
 * Heartbeats without a byte after which a connection counts as broken: a heartbeat may be late by three quarters, and the
 * rest of two heartbeats is for timers that the browser delays.
 */
export const MAX_SILENT_HEARTBEATS = 1.75

/** Calls back when no byte comes for too long. One timer for a whole response, because each byte would set another. */
export class Watchdog {
  readonly #clock: Clock
  readonly #onSilence: () => void
  #limitMs: number
  #lastAt = 0
  #cancel: (() => void) | undefined
  /** True if it has called back. */
  hasFired = false

  constructor(clock: Clock, heartbeatMs: number, onSilence: () => void) {
    this.#clock = clock
    this.#onSilence = onSilence
    this.#limitMs = heartbeatMs * MAX_SILENT_HEARTBEATS
    this.reset()
  }

  /** Applies another heartbeat, which the server has named, from now on. */
  setHeartbeat(heartbeatMs: number): void {
    this.stop()
    this.#limitMs = heartbeatMs * MAX_SILENT_HEARTBEATS
    this.reset()
  }

  /** A byte has come. */
  reset(): void {
    this.#lastAt = this.#clock.now()
    this.#cancel ??= this.#clock.after(this.#limitMs, () => this.check())
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  /** Calls back at once if it is time: after a sleep, in which timers stood still. */
  check(): void {
    // Stopped: no byte is awaited.
    if (this.#cancel === undefined) return
    this.stop()
    // A wall clock that was set back counts from now on.
    const restMs = this.#limitMs - Math.max(0, this.#clock.now() - this.#lastAt)
    if (restMs > 0) this.#cancel = this.#clock.after(restMs, () => this.check())
    else {
      this.hasFired = true
      this.#onSilence()
    }
  }
}
