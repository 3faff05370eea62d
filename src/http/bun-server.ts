/** The methods of Bun's server that act on one connection. */
export interface BunServer {
  /** Sets the idle timeout of the connection, in seconds; 0 turns it off. It outlasts the request. */
  timeout(request: Request, seconds: number): void
  requestIP(request: Request): { address: string } | null
}

/** Bun's server, where `env` is that server or has it as `server`, as Hono's apps do under Bun. */
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
