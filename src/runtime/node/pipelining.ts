import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { isLastResponse } from './close-timeout.ts'

/**
 * Requests that may wait on one connection for the responses before theirs. Each costs some 10 KB, and is handed to the app
 * at once: while a hook or a middleware waits, Node itself would take any number of them.
 */
const MAX_WAITING = 64

const waiting = new WeakMap<Socket, number>()

/**
 * Returns whether to keep a request from the app, because too many wait on its connection, or because the response
 * before it is an event stream. It then ends the connection.
 */
export function refusesPipelined(incoming: IncomingMessage, outgoing: ServerResponse): boolean {
  // The response has its socket, so that none is before it.
  if (outgoing.socket !== null) return false
  const { socket } = incoming
  const count = (waiting.get(socket) ?? 0) + 1
  if (count > MAX_WAITING || isLastResponse(socket) || socket.destroyed) {
    socket.destroy()
    return true
  }
  waiting.set(socket, count)
  outgoing.once('close', () => waiting.set(socket, (waiting.get(socket) ?? 1) - 1))
  return false
}
