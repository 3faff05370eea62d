import type { EventStreamBody, SocketHooks } from '../delivery/event-stream-body.ts'
import { type BunServer, bunServerIn } from '../http/fetch-handler.ts'

export interface ResponseSocketOptions {
  heartbeatMs: number
  warn(message: string): void
}

/** Bun's default idle timeout, in milliseconds. */
const BUN_IDLE_MS = 10_000

/** Keeps the sockets of event streams open, where `env` has the server that sends them. */
export class ResponseSocket {
  readonly #options: ResponseSocketOptions
  #isWarned = false

  constructor(options: ResponseSocketOptions) {
    this.#options = options
  }

  /** Turns off the server's idle timeout while the event stream lasts. */
  prepare(request: Request, env: unknown, body: EventStreamBody): void {
    const server = bunServerIn(env)
    // `reportsClose` is false, because a middleware may still wrap the body.
    if (server !== undefined) onBunSocket(body, request, server, { reportsClose: false })
    else if (!isNode(env)) this.#warnUnderBun()
  }

  #warnUnderBun(): void {
    const { heartbeatMs, warn } = this.#options
    if (this.#isWarned || !('Bun' in globalThis) || heartbeatMs < BUN_IDLE_MS) return
    this.#isWarned = true
    warn(
      `Bun.serve() closes event streams that are quiet for ${BUN_IDLE_MS} ms, before the first heartbeat (heartbeatMs is ${heartbeatMs}), because the app was not handed Bun's server: pass it on, as in fetch: (request, server) => sser.handler(request, server), or set heartbeatMs below ${BUN_IDLE_MS}`,
    )
  }
}

interface NodeEnv {
  incoming?: { httpVersionMajor?: number }
}

/** Returns whether Node's HTTP server sends the response. Bun's copy of that server has no idle timeout. */
function isNode(env: unknown): boolean {
  return (env as NodeEnv | undefined)?.incoming !== undefined
}

/**
 * Returns whether an event stream is sent with `Connection: close`, because after the drain of its Pod no client should
 * reconnect over the same connection. HTTP/2 has no such header.
 */
export function endsConnection(env: unknown): boolean {
  return bunServerIn(env) !== undefined || (env as NodeEnv | undefined)?.incoming?.httpVersionMajor === 1
}

/** How long the client of an ended stream may take for the rest of it, in seconds. */
const CLOSE_TIMEOUT_S = 10
/** The shortest timeout of Bun, which counts in seconds and has no other way to close one connection. */
const ABORT_TIMEOUT_S = 1
const NO_TIMEOUT = 0

export interface BunSocketOptions {
  /** True if Bun cancels the body when the client has gone; otherwise the body listens to the request's signal. */
  reportsClose: boolean
  /** The event stream has ended; the client may still read what was written. */
  onEnd?: (() => void) | undefined
}

/** Turns Bun's idle timeout off for as long as the event stream lasts. */
export function onBunSocket(
  body: EventStreamBody,
  request: Request,
  server: BunServer,
  options: BunSocketOptions,
): void {
  body.onSocket(bunSocketHooks(request, server, options))
}

/** The hooks of an event stream whose response Bun sends. */
export function bunSocketHooks(
  request: Request,
  server: BunServer,
  { reportsClose, onEnd = () => {} }: BunSocketOptions,
): SocketHooks {
  return {
    onOpen: () => server.timeout(request, NO_TIMEOUT),
    onEnd() {
      server.timeout(request, CLOSE_TIMEOUT_S)
      onEnd()
    },
    onAbort() {
      server.timeout(request, ABORT_TIMEOUT_S)
      onEnd()
    },
    reportsClose,
    abortsByTimeout: true,
  }
}
