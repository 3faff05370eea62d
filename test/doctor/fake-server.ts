import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'

export const HOST = '127.0.97.2'
/** The first event of a Pod. */
export const GREETING = 'event: sser-position\nretry: 2000\ndata: {}\nid: aZ3k9h-GRc\n\n'
export const HEADERS = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform' }
const ends: (() => unknown)[] = []

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
