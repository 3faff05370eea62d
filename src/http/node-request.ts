import { SserError } from '../errors.ts'
import { BodyBuffer, decodeBody } from './body.ts'

/** The members of Node's `IncomingMessage` that are used here. `@hono/node-server` passes it to an app in `env`. */
export interface NodeRequest {
  readonly readableDidRead: boolean
  readonly readableEnded: boolean
  readonly destroyed: boolean
  on(event: string, listener: (value: never) => void): unknown
  off(event: string, listener: (value: never) => void): unknown
  pause(): unknown
}

/** Node's request of `env`, if there is one with an unread body. */
export function nodeRequestOf(env: unknown): NodeRequest | undefined {
  const { incoming } = (env ?? {}) as { incoming?: NodeRequest & { rawBody?: unknown } }
  if (typeof incoming?.pause !== 'function' || typeof incoming.on !== 'function') return undefined
  return incoming.readableDidRead || incoming.rawBody !== undefined ? undefined : incoming
}

/**
 * Reads a body from Node's own stream, piece by piece, because the web stream above it costs ten times as much for each
 * piece, and `arrayBuffer()` keeps every piece until the last.
 * @throws SserError `body-too-large`, or `invalid-peer-message` where the body breaks off; the error of `onCost`.
 */
export function readNodeBody(
  request: NodeRequest,
  { maxBytes, length, onCost }: { maxBytes: number; length: number; onCost: (bytes: number) => void },
): { body: Promise<string>; stop: () => void } {
  const buffer = new BodyBuffer(maxBytes, length)
  const { promise: body, resolve, reject } = Promise.withResolvers<string>()
  const onData = (piece: Uint8Array) => {
    try {
      onCost(buffer.add(piece))
    } catch (error) {
      fail(error)
    }
  }
  const onEnd = () => {
    stop()
    resolve(decodeBody(buffer.take()))
  }
  const onClose = () => fail(new SserError('invalid-peer-message', 'The body broke off'))
  const listeners = { data: onData, end: onEnd, error: onClose, close: onClose }
  const stop = () => {
    for (const [event, listener] of Object.entries(listeners)) request.off(event, listener)
    // Without a listener the stream would throw its errors.
    request.on('error', () => {})
    if (!request.readableEnded) request.pause()
  }
  const fail = (error: unknown) => {
    stop()
    reject(error)
  }
  for (const [event, listener] of Object.entries(listeners)) request.on(event, listener)
  if (request.destroyed) onClose()
  return { body, stop }
}
