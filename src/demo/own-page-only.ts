import type { MiddlewareHandler } from 'hono'

/**
 * These switches kill processes, and any web page can aim a request at a local port. A foreign page gives itself
 * away: by its origin, by the browser's headers, or, if it rebinds its own name to this address, by the host.
 */
export const ownPageOnly: MiddlewareHandler = async (c, next) => {
  const { host, origin, 'sec-fetch-site': site } = c.req.header()
  if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(host ?? '')) return c.text('Not a host of this page\n', 403)
  const isReading = c.req.method === 'GET' || c.req.method === 'HEAD'
  const isForeign =
    (origin !== undefined && origin !== `http://${host}`) || (site !== undefined && site !== 'same-origin')
  if (!isReading && isForeign) return c.text('Only the page itself may do this\n', 403)
  return next()
}
