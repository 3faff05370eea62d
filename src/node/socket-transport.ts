import type { Transport } from '../mesh/transport.ts'
import { PeerSocket } from './peer-socket.ts'

/**
 * Posts to peers over sockets of Node's own. `fetch` costs ten times as much for each request, and a Pod that sends
 * now and then needs one for each event and peer.
 */
export function socketTransport(): Transport {
  const idle = new Map<string, Set<PeerSocket>>()
  return (request) => {
    const { host } = request
    for (const socket of idle.get(host) ?? []) {
      leave(host, socket)
      return socket.post(request)
    }
    const rest = (socket: PeerSocket) => {
      const sockets = idle.get(host)
      if (sockets === undefined) idle.set(host, new Set([socket]))
      else sockets.add(socket)
    }
    return new PeerSocket(host, rest, (socket) => leave(host, socket)).post(request)
  }

  function leave(host: string, socket: PeerSocket): void {
    const sockets = idle.get(host)
    if (sockets?.delete(socket) && sockets.size === 0) idle.delete(host)
  }
}
