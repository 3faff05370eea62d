import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'

export const HOST = '127.0.97.2'
/** The first event of a Pod. */
export const GREETING = 'event: sser-position\nretry: 2000\ndata: {}\nid: aZ3k9h-GRc\n\n'
export const HEADERS = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform' }
/** The first event of a Pod for a client that reconnects with an id which the Pod does not resume. */
export const GAP = GREETING.replace('sser-position', 'sser-gap')
const ends: (() => unknown)[] = []

/** Begins an event stream as a Pod does: with a gap where the client has an id. */
export function openEventStream(request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, HEADERS)
  response.write(request.headers['last-event-id'] === undefined ? GREETING : GAP)
}

/** For `afterAll`. */
export async function endServers(): Promise<void> {
  for (const end of ends.splice(0).reverse()) await end()
}

/** Starts an HTTP server that responds with `listener`; resolves with its URL. */
export async function serveHttp(listener: RequestListener): Promise<string> {
  return listen(createServer(listener))
}

/** Starts a TCP server; resolves with its URL. */
export async function serveTcp(onSocket: (socket: Socket) => void): Promise<string> {
  const server = createTcpServer((socket) => {
    ends.push(() => socket.destroy())
    socket.on('error', () => {})
    onSocket(socket)
  })
  return listen(server as Server)
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve))
  ends.push(() => {
    server.closeAllConnections?.()
    server.close()
  })
  return `http://${HOST}:${(server.address() as AddressInfo).port}/events`
}
