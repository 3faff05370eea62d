import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** What Node's HTTP server listens to on its sockets, by the names of the listeners. */
const LISTENERS: Readonly<Record<string, readonly string[]>> = {
  data: ['bound socketOnData'],
  drain: ['bound socketOnDrain'],
  end: ['bound socketOnEnd'],
  error: ['socketOnError'],
  timeout: ['socketOnTimeout'],
  pause: ['onSocketPause'],
  resume: ['onSocketResume'],
}
const ON_CLOSE = 'bound socketOnClose'

type Listener = (...args: unknown[]) => void

/**
 * Makes Node's HTTP server forget a socket that belongs to one response for the rest of its incarnation: the parser goes back
 * to its pool, and request and response to the garbage. It does what HTTP itself does for an upgrade, and through the
 * same doors. False, and nothing has changed, where this is not the HTTP that we know.
 */
export function letGo(response: ServerResponse, socket: Socket): boolean {
  const onClose = socket.listeners('close').find(({ name }) => name === ON_CLOSE) as Listener | undefined
  if (onClose === undefined || typeof response.detachSocket !== 'function') return false
  response.detachSocket(socket)
  for (const [event, names] of Object.entries(LISTENERS)) {
    for (const listener of socket.listeners(event) as Listener[]) {
      if (names.includes(listener.name)) socket.removeListener(event, listener)
    }
  }
  socket.removeListener('close', onClose)
  onClose.call(socket)
  return true
}
