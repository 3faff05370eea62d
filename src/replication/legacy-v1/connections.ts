import { type Clock, pause } from '../../clock.ts'

/** A connection without a POST for this long can be closed at little risk, in milliseconds. */
const RECENT_MS = 1_000
/** Interval at which a Pod that stops checks for such connections, in milliseconds. */
const POLL_MS = 20
/** Maximum number of remembered connections; a fleet has one for each Go Pod. */
const MAX_CONNECTIONS = 1_024

/**
 * The keep-alive connections on which Go Pods post. A Go Pod whose POST meets a closing connection loses the event for
 * this Pod and for the peers that it posts to next. So a Pod that stops responds with `Connection: close`, and waits until
 * it has done so on each of these connections.
 */
export class V1Connections {
  readonly #clock: Clock
  /** By remote address and port; the connection with the latest POST is the last. */
  readonly #postedAt = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Records a POST on `connection`, and whether the response keeps the connection open. */
  posted(connection: string | undefined, { isKept }: { isKept: boolean }): void {
    if (connection === undefined) return
    this.#postedAt.delete(connection)
    if (isKept) this.#postedAt.set(connection, this.#clock.now())
    if (this.#postedAt.size > MAX_CONNECTIONS)
      this.#postedAt.delete(this.#postedAt.keys().next().value as string)
  }

  /** Resolves when no open connection had a POST within the last second; after a second at most. */
  async closed(): Promise<void> {
    while (this.#hasRecent()) await pause(this.#clock, POLL_MS)
  }

  #hasRecent(): boolean {
    const last = [...this.#postedAt.values()].at(-1)
    return last !== undefined && this.#clock.now() - last < RECENT_MS
  }
}
