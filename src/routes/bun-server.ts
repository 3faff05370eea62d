import type { EventStream } from '../core/event-stream.ts'

/** The part of Bun's server that concerns one connection. */
export interface BunServer {
  /** Sets how long the connection may be quiet, in seconds; 0 means for ever. That stays with the connection. */
  timeout(request: Request, seconds: number): void
  requestIP(request: Request): { address: string } | null
}

/** How long the client of an ended stream may take for the rest of it, in seconds. */
const LINGER_S = 10
/** Bun counts in seconds, and has no other way to close one connection. */
const AT_ONCE_S = 1
const NEVER = 0

/** Bun's server, if `env` is it, or has it as `server`, as Hono's apps do under Bun. */
export function bunServerIn(env: unknown): BunServer | undefined {
  if (typeof env !== 'object' || env === null) return undefined
  if (isBunServer(env)) return env
  const { server } = env as { server?: unknown }
  return typeof server === 'object' && server !== null && isBunServer(server) ? server : undefined
}

function isBunServer(value: object): value is BunServer {
  const { timeout, requestIP } = value as Partial<BunServer>
  return typeof timeout === 'function' && typeof requestIP === 'function'
}

export interface CarriedOptions {
  /** Whether Bun cancels the stream's own body when the client has gone; otherwise the stream asks the request's signal. */
  reportsClose: boolean
  /** The event stream is over; its last bytes may be under way. */
  onEnd?: (() => void) | undefined
}

/** Lets the event stream be quiet for longer than Bun would have it, while it lasts. */
export function carriedByBun(
  stream: EventStream,
  request: Request,
  server: BunServer,
  { reportsClose, onEnd = () => {} }: CarriedOptions,
): void {
  stream.carriedBy({
    begin: () => server.timeout(request, NEVER),
    end() {
      server.timeout(request, LINGER_S)
      onEnd()
    },
    cut() {
      server.timeout(request, AT_ONCE_S)
      onEnd()
    },
    reportsClose,
  })
}
