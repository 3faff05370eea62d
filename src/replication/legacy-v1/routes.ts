import { Hono } from 'hono'
import { SserError } from '../../errors.ts'
import { socketOf } from '../../http/address.ts'
import { PEER_ENDPOINT_URL_PATH, parseV1, type V1Event } from '../../wire/v1.ts'
import type { InternalGuard } from '../internal-guard.ts'
import type { V1Connections } from './connections.ts'

export interface V1RoutesOptions {
  guard: InternalGuard
  /** Maximum bytes of a v1 body. */
  v1MaxBytes: number
  /** Whether this Pod accepts v1, which has no signatures. */
  isAllowed: boolean
  v1Connections: V1Connections
  /** Whether this Pod drains or has stopped: it then tells Go Pods not to keep their connections. */
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
