import { verify } from 'hono/jwt'
import type { Authorize } from 'sser'

/**
 * A token in the URL, for a page of another site, which sends no cookies. URLs appear in logs and histories, so the
 * token is valid for events only (`aud`), for one user's streams, and for a minute; the connection may last longer.
 */
export function jwtQuery(secret: string, lastsMs = 3_600_000): Authorize {
  return async (c, { streams }) => {
    const token = c.req.query('token')
    const claims = token ? await verify(token, secret, 'HS256').catch(() => undefined) : undefined
    if (claims?.aud !== 'events' || typeof claims.exp !== 'number') return 'deny'
    const allowed = Array.isArray(claims.streams) ? claims.streams : []
    if (!streams?.every((stream) => allowed.includes(stream))) return 'deny'
    return { tags: [`user:${claims.sub}`], expiresAt: Date.now() + lastsMs }
  }
}
