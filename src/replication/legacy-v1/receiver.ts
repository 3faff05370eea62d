import { Hono } from 'hono'
import { type Clock, pause } from '../../clock.ts'
import { SserError } from '../../errors.ts'
import { socketOf } from '../../http/address.ts'
import { PEER_ENDPOINT_URL_PATH, parseV1, type V1Event } from '../../wire/v1.ts'
import type { InternalGuard } from '../internal-guard.ts'

export interface V1RoutesOptions {
  guard: InternalGuard
  /** Maximum bytes of a v1 body. */
  v1MaxBytes: number
  /** True if this Pod accepts v1, which has no signatures. */
  isAllowed: boolean
  v1Connections: V1Connections
  /** Returns whether this Pod drains or has stopped: it then tells Go Pods not to keep their connections. */
  isDraining(): boolean
  receiveV1(event: V1Event): void
}

/** The route to which Go Pods post their events. */
export function v1Routes(options: V1RoutesOptions): Hono {
  const { guard, v1MaxBytes, isAllowed, v1Connections } = options
  return new Hono()
    .use(PEER_ENDPOINT_URL_PATH, async (c, next) => {
      await next()
      const isKept = !options.isDraining()
      if (!isKept) c.header('connection', 'close')
      v1Connections.posted(socketOf(c.req.raw, c.env), { isKept })
    })
    .post(PEER_ENDPOINT_URL_PATH, (c) =>
      guard.run(
        c,
        async () => {
          if (!isAllowed) throw new SserError('unauthorized', 'v1 is not signed; see the option allowGoPeers')
          options.receiveV1(parseV1(await guard.read(c, v1MaxBytes, false)))
          // Go opens a new connection for the next event unless the response says that it has no body.
          return c.body(null, 200, { 'content-length': '0' })
        },
        () => c.text('invalid JSON\n', 400),
      ),
    )
}

/** A connection without a POST for this long can be closed at little risk, in milliseconds. */
const RECENT_MS = 1_000
/** Interval at which a Pod that stops checks for such connections, in milliseconds. */
const POLL_MS = 20
/** Maximum number of remembered connections; a fleet has one for each Go Pod. */
const MAX_CONNECTIONS = 1_024

/**
 * The keep-alive connections on which Go Pods post. If the POST of a Go Pod meets a closing connection, the Go Pod
 * loses the event for this Pod and for the peers that it posts to next. Therefore a Pod that stops responds with
 * `Connection: close`, and waits until it has done so on each of these connections.
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
