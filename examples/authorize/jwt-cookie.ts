import { getCookie } from 'hono/cookie'
import { verify } from 'hono/jwt'
import type { Authorize } from 'sser'

/** The session is a JWT in a cookie that is `HttpOnly`, `Secure` and `SameSite`: an EventSource sends it automatically. */
export function jwtCookie(secret: string): Authorize {
  return async (c, { streams, run }) => {
    const token = getCookie(c, 'session')
    // Throws if the token is forged or expired.
    const claims = token ? await verify(token, secret, 'HS256').catch(() => undefined) : undefined
    if (typeof claims?.exp !== 'number') return 'deny'
    const own = `user:${claims.sub}`
    const isAllowed = run?.startsWith(`${own}:`) ?? streams?.every((name) => name === 'news' || name === own)
    if (!isAllowed) return 'deny'
    return { tags: [own], expiresAt: claims.exp * 1_000 }
  }
}
