import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { getRequestListener } from '@hono/node-server'
import { describeValue, SserError } from '../../errors.ts'
import { type Sser, serverSideOf } from '../../sser.ts'
import { hasMethods } from '../../validation.ts'
import { withFastPath, withoutFastPath } from './fast-path.ts'
import { DEFAULT_HOST } from './listener.ts'

/** A request listener of Node's HTTP: also a handler of Express, Connect and Nest, and for the raw objects of Fastify and Koa. */
export type NodeHandler = (
  incoming: IncomingMessage | Http2ServerRequest,
  outgoing: ServerResponse | Http2ServerResponse,
) => Promise<void>

/** Options of `toNodeHandler()`. */
export interface NodeHandlerOptions {
  /**
   * Writes events directly to the sockets: see the option of `serve()`.
   * @default true
   */
  fastPath?: boolean | undefined
}

/** The URL of a request that Express or Connect has passed to a handler below a path: `url` lacks that path. */
interface Mounted {
  url: string
  originalUrl?: string
}

/**
 * Returns the events endpoint as a handler for Node's `(request, response)`, at whatever path the app calls it for. It
 * knows the client's address, notices at once that a client has left, and has the fast path of `serve()`. Headers that
 * middleware has set on the response are kept.
 * @throws SserError `invalid-argument` for anything but an `Sser`.
 */
export function toNodeHandler(sser: Sser, { fastPath = true }: NodeHandlerOptions = {}): NodeHandler {
  if (!hasMethods(sser, ['handler', 'start']))
    throw new SserError('invalid-argument', `toNodeHandler(): expected an Sser, got ${describeValue(sser)}`)
  const recorded = serverSideOf(sser)?.arrivals.recording(sser.handler) ?? sser.handler
  const listener = getRequestListener(fastPath ? withFastPath(recorded) : withoutFastPath(recorded), {
    hostname: DEFAULT_HOST,
    // The app's framework needs the runtime's own Request and Response.
    overrideGlobalObjects: false,
  })
  return (incoming, outgoing) => {
    const mounted = incoming as Mounted
    const { url, originalUrl = url } = mounted
    // The adapter reads it before it returns: `authorize` receives the URL that the client requested.
    mounted.url = originalUrl
    try {
      return listener(incoming, outgoing)
    } finally {
      mounted.url = url
    }
  }
}
