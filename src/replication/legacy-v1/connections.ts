import { type Clock, pause } from '../../clock.ts'

/** A connection that was quiet for longer is closed at little risk, in milliseconds. */
const RECENT_MS = 1_000
/** How often a Pod that stops checks whether any is left. */
const POLL_MS = 20
/** Connections that are remembered; a fleet has one for each Go Pod. */
const MAX_CONNECTIONS = 1_024

/**
 * The kept connections on which Go Pods post. A Go Pod whose POST meets a closing connection loses the event for this
 * Pod and for the peers that it posts to next. So a Pod that stops answers with `Connection: close`, and waits until it has
 * told each of these connections.
 */
export class V1Connections {
  readonly #clock: Clock
  /** By address and port of the Go Pod's end; the one with the latest POST is the last. */
  readonly #postedAt = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A POST came on `connection`, whose answer lets it be kept, or closes it. */
  posted(connection: string | undefined, { isKept }: { isKept: boolean }): void {
    if (connection === undefined) return
    this.#postedAt.delete(connection)
    if (isKept) this.#postedAt.set(connection, this.#clock.now())
    if (this.#postedAt.size > MAX_CONNECTIONS)
      this.#postedAt.delete(this.#postedAt.keys().next().value as string)
  }

  /** Waits until no connection is kept that was posted on within the last second: so long at most. */
  async closed(): Promise<void> {
    while (this.#hasRecent()) await pause(this.#clock, POLL_MS)
  }

  #hasRecent(): boolean {
    const last = [...this.#postedAt.values()].at(-1)
    return last !== undefined && this.#clock.now() - last < RECENT_MS
  }
}
