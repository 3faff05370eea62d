import { getCookie } from 'hono/cookie'
import type { Authorize } from 'sser'

export interface Sessions {
  find(id: string): Promise<{ user: string; expiresAt: number; isBanned: boolean } | undefined>
}

/**
 * The session is a row in a store. While the store is down the hook throws, no new client is admitted, and clients retry
 * automatically. To log out: delete the row, then `sser.disconnect({ tag: 'session:…' })`, in this order.
 */
export function sessionStore(sessions: Sessions): Authorize {
  return async (c, { streams, run }) => {
    const id = getCookie(c, 'sid')
    const session = id === undefined ? undefined : await sessions.find(id)
    if (session === undefined) return 'deny'
    if (session.isBanned) return 'stop'
    const own = `user:${session.user}`
    const isAllowed = run?.startsWith(`${own}:`) ?? streams?.every((name) => name === 'news' || name === own)
    if (!isAllowed) return 'deny'
    return { tags: [own, `session:${id}`], expiresAt: session.expiresAt }
  }
}
