import { originalPathIn } from './env.ts'

/** By the signals of requests, which Bun shares with the requests that are made of them. */
const withTrailingSlash = new WeakSet<AbortSignal>()

/** Remembers a request whose path ends with a slash, for a runtime that does not tell the original path. */
export function rememberTrailingSlash(request: Request): void {
  const { url } = request
  const query = url.indexOf('?')
  const end = query === -1 ? url.length : query
  const start = url.indexOf('/', url.indexOf('//') + 2)
  if (url[end - 1] === '/' && start < end - 1) withTrailingSlash.add(request.signal)
}

/**
 * Whether a request that Hono's `app.mount('/events', handler)` has handed on is for another path than `/events`, which
 * it makes `/`. A middleware of `/events` alone does not stand in front of those.
 */
export function isBelowMount(request: Request, env: unknown): boolean {
  if (new URL(request.url).pathname !== '/') return true
  const original = originalPathIn(env)
  if (original === undefined) return withTrailingSlash.has(request.signal)
  return original.length > 1 && original.endsWith('/')
}
