import { type Clock, pause } from '../clock.ts'
import type { Log } from '../log/log.ts'
import type { Link } from './link.ts'

/** Interval at which a Pod that stops checks whether its peers hold everything, in milliseconds. */
const FLUSH_POLL_MS = 20
/** Time after which a stop reports the peers that it waits for, in milliseconds; most need less. */
const FLUSH_REPORT_MS = 250

export interface FlushOptions {
  log: Log
  clock: Clock
  links: ReadonlyMap<string, Link>
  /** Aborts when the Pod has left. */
  signal: AbortSignal
}

/** Hands all entries of the log over to the peers, because this Pod stops. */
export class Flush {
  readonly #options: FlushOptions

  constructor(options: FlushOptions) {
    this.#options = options
  }

  /** Number of peers that {@link run} would wait for; none without events. */
  get peers(): number {
    return this.#options.log.indexes.hasEvents ? this.#links().length : 0
  }

  /**
   * Resolves when the peers hold all entries that this Pod holds now, or after `timeoutMs`, with the peers that do not.
   * `onWait` receives these peers where the wait is longer than a moment.
   */
  async run(timeoutMs: number, onWait: (peers: string[]) => void): Promise<string[]> {
    const { clock, log, links, signal } = this.#options
    const startedAt = clock.now()
    const position = log.position(startedAt)
    for (const link of links.values()) link.flush(position)
    let isReported = false
    while (!this.#isDone() && clock.now() - startedAt < timeoutMs && !signal.aborted) {
      await pause(clock, FLUSH_POLL_MS)
      if (isReported || clock.now() - startedAt < FLUSH_REPORT_MS) continue
      isReported = true
      onWait(this.#lacking())
    }
    return this.#isDone() ? [] : this.#lacking()
  }

  /** Peers that a stop waits for. A peer that has never responded is none, because it may not exist. */
  #links(): Link[] {
    return [...this.#options.links.values()].filter((link) => link.state !== 'self' && !link.isUnmet)
  }

  /** Peers that do not hold everything, as far as this Pod knows. */
  #lacking(): string[] {
    return this.#links().flatMap((link) => (link.isFlushed() === true ? [] : [link.target.host]))
  }

  /**
   * Returns whether every available peer holds everything, and at least one does; with no events to hand over, at once.
   */
  #isDone(): boolean {
    if (!this.#options.log.indexes.hasEvents) return true
    const links = this.#links()
    const flushed = links.map((link) => link.isFlushed())
    return links.length === 0 || (flushed.includes(true) && !flushed.includes(false))
  }
}
