import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Sser, type SserOptions, StaticPeerFinder } from '../../src/index.ts'
import { RawClient } from './stream-client.ts'

const HOST = '127.0.53.1'
const ends: (() => unknown)[] = []

/** For `afterEach`. */
export async function endAppServers(): Promise<void> {
  for (const end of ends.splice(0).reverse()) await end()
}

/** A Pod without peers that stops at once, and has not started. */
export function quickSser(options: SserOptions = {}): Sser {
  const sser = new Sser({
    peerFinder: new StaticPeerFinder([]),
    internalPort: 0,
    logger: false,
    drainTimeoutMs: 0,
    flushTimeoutMs: 0,
    ...options,
  })
  ends.push(() => sser.stop())
  return sser
}

/** A server of Node's HTTP on a free port, closed by {@link endAppServers}. */
export async function listenOn<T extends Pick<Server, 'listen' | 'address' | 'close'>>(
  server: T,
): Promise<string> {
  ends.push(() => {
    ;(server as Partial<Server>).closeAllConnections?.()
    server.close()
  })
  await new Promise<void>((resolve) => server.listen(0, HOST, () => resolve()))
  return `http://${HOST}:${(server.address() as AddressInfo).port}`
}

/** As {@link listenOn}, with a server that answers by `listener`. */
export function serveBy(listener: RequestListener): Promise<string> {
  return listenOn(createServer(listener))
}

/** A client of the stream `a` that has been greeted. */
export async function greeted(url: string): Promise<RawClient> {
  const raw = await RawClient.events(url, ['a'])
  ends.push(() => raw.socket.destroy())
  await raw.holds('a greeting', (text) => text.includes('sser-position'))
  return raw
}
