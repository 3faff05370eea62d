import type { ServerResponse } from 'node:http'
import { Hono, type MiddlewareHandler } from 'hono'
import { Sser, StaticPeerFinder } from '../../src/index.ts'
import { serve } from '../../src/node.ts'
import { RawClient } from '../support/stream-client.ts'

const HOST = '127.0.51.1'
const raws: RawClient[] = []
const ends: (() => unknown)[] = []

/** For `afterEach`. */
export async function endServers(): Promise<void> {
  for (const raw of raws.splice(0)) raw.socket.destroy()
  for (const end of ends.splice(0).reverse()) await end()
}

export interface ServerEnv {
  Bindings: { outgoing: ServerResponse }
}

export interface OneServer {
  sser: Sser
  url: string
  stop: () => Promise<void>
}

/** A Pod without peers in this very process, under Node's `serve()`, with middleware in front of it. */
export async function startServer(
  front: readonly MiddlewareHandler<ServerEnv>[] = [],
  { fastPath, onRequest }: { fastPath?: boolean; onRequest?: (env: ServerEnv['Bindings']) => void } = {},
): Promise<OneServer> {
  const peerFinder = new StaticPeerFinder([])
  const sser = new Sser({ peerFinder, internalPort: 0, drainTimeoutMs: 0, flushTimeoutMs: 0 })
  const app = new Hono<ServerEnv>()
  for (const middleware of front) app.use(middleware)
  app.route('/events', sser.routes)
  app.get('/plain', (c) => c.text('plain'))
  const fetch = (request: Request, env: unknown) => {
    onRequest?.(env as ServerEnv['Bindings'])
    return app.fetch(request, env as ServerEnv['Bindings'])
  }
  const served = await serve({ sser, fetch, hostname: HOST, port: 0, fastPath })
  ends.push(served.stop)
  return { sser, url: `http://${HOST}:${served.port}`, stop: served.stop }
}

/** A client that has asked for events, and may not have got any yet. */
export async function ask(url: string, version?: string): Promise<RawClient> {
  const raw = await RawClient.events(url, ['a'], version)
  raws.push(raw)
  return raw
}

/** A client that has been greeted. */
export async function listen(url: string, version?: string): Promise<RawClient> {
  const raw = await ask(url, version)
  await raw.holds('a greeting', (text) => text.includes('sser-position'))
  return raw
}
