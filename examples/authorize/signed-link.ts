import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Authorize } from 'sser'

/** A link that grants access to its streams until it expires: for a parcel, a build, a guest. */
export function signedLinks(secret: string) {
  const sign = (streams: readonly string[], expires: string) =>
    createHmac('sha256', secret)
      .update(JSON.stringify([streams, expires]))
      .digest('base64url')

  /** The query of a link: `/events?${link(['parcel:17'], 3_600_000)}`. */
  function link(streams: readonly string[], lastsMs: number): string {
    const expires = `${Date.now() + lastsMs}`
    const query = new URLSearchParams(streams.map((stream) => ['stream', stream]))
    query.set('expires', expires)
    query.set('signature', sign(streams, expires))
    return query.toString()
  }

  const authorize: Authorize = (c, { streams }) => {
    if (streams === undefined) return 'deny'
    const { expires = '', signature = '' } = c.req.query()
    const given = Buffer.from(signature)
    const right = Buffer.from(sign(streams, expires))
    if (given.length !== right.length || !timingSafeEqual(given, right)) return 'deny'
    // An expired link stays expired, so the client must not reconnect.
    if (Number(expires) <= Date.now()) return 'stop'
    return { expiresAt: Number(expires), tags: [`link:${signature}`] }
  }

  return { link, authorize }
}
