/** The part of Bun's server that concerns one connection. */
export interface BunServer {
  /** Sets how long the connection may be quiet, in seconds; 0 means for ever. That stays with the connection. */
  timeout(request: Request, seconds: number): void
  requestIP(request: Request): { address: string } | null
}

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
