import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Listeners of Node's HTTP server on its sockets, by event. */
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
 * Detaches a socket that one response uses until it closes from Node's HTTP server, as that itself does for an upgrade:
 * the parser returns to its pool, and request and response can be collected. Returns false, and changes nothing, where
 * Node's HTTP server has other internals than expected.
 */
export function detachFromHttp(response: ServerResponse, socket: Socket): boolean {
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
