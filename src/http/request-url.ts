import { originalPathIn } from './fetch-handler.ts'
/** Returns whether the `Host` header is invalid. Bun's URL is then a path alone, as for HTTP/1.0 without a `Host`. */
export function hasInvalidHost({ url, headers }: Request): boolean {
  return !URL.canParse(url) && headers.has('host')
}

/** The query with its question mark, also of a URL that is a path alone. */
export function searchOf({ url }: Request): string {
  const [whole] = url.split('#', 1) as [string]
  const start = whole.indexOf('?')
  return start === -1 ? '' : whole.slice(start)
}

/** Signals of such requests: Bun gives a copy of a request the same signal. */
const withTrailingSlash = new WeakSet<AbortSignal>()

/** Marks a request for a path with a trailing slash, for a runtime without the original path in its `env`. */
export function markTrailingSlash(request: Request): void {
  const { url } = request
  const query = url.indexOf('?')
  const end = query === -1 ? url.length : query
  const start = url.indexOf('/', url.indexOf('//') + 2)
  if (url[end - 1] === '/' && start < end - 1) withTrailingSlash.add(request.signal)
}

/**
 * Returns whether a request that Hono's `app.mount('/events', handler)` passes on is for a path below `/events`. Hono
 * rewrites `/events` itself to `/`; a middleware for `/events` alone does not guard the paths below.
 */
export function isBelowMount(request: Request, env: unknown): boolean {
  if (new URL(request.url).pathname !== '/') return true
  const original = originalPathIn(env)
  if (original === undefined) return withTrailingSlash.has(request.signal)
  return original.length > 1 && original.endsWith('/')
}
