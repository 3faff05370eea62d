import { Hono } from 'hono'
import { setCookie } from 'hono/cookie'
import { cors } from 'hono/cors'
import { HTTPException } from 'hono/http-exception'
import { describe, expect, it } from 'vitest'
import type { Authorize } from '../../src/index.ts'
import { Fleet } from '../support/fleet.ts'

/** As another install of Hono has it: a class of the same shape. */
class ForeignHTTPException extends Error {
  getResponse(): Response {
    return new Response('log in first', { status: 401 })
  }
}

/** An app that sets headers and cookies in Hono's context before it calls the routes. */
async function appOf(authorize?: Authorize, settings: object = {}) {
  const fleet = await Fleet.of(1, { ...(authorize && { authorize }), ...settings })
  const { sser, errors } = fleet.pod(0)
  const app = new Hono()
  app.use(async (c, next) => {
    c.header('x-request-id', '17')
    c.header('content-type', 'text/html')
    c.status(418)
    setCookie(c, 'a', '1')
    setCookie(c, 'b', '2')
    await next()
  })
  app.route('/events', sser.routes)
  return { app, sser, errors }
}

const TYPES = { stream: /^text\/event-stream/, text: /^text\/plain/ }

describe('headers and cookies that the app sets before next()', () => {
  it.each<[string, string, RequestInit, Authorize | undefined, number, RegExp | null]>([
    ['an event stream', '?stream=a', {}, undefined, 200, TYPES.stream],
    ['an event stream that the hook allows', '?stream=a', {}, () => 'allow', 200, TYPES.stream],
    ['a HEAD', '?stream=a', { method: 'HEAD' }, undefined, 200, TYPES.stream],
    ['a request without a stream', '', {}, undefined, 400, TYPES.text],
    ['a request that the hook denies', '?stream=a', {}, () => 'deny', 403, TYPES.text],
    ['a request that the hook expels', '?stream=a', {}, () => 'stop', 204, null],
    [
      'a request whose hook fails',
      '?stream=a',
      {},
      () => Promise.reject(new Error('away')),
      200,
      TYPES.stream,
    ],
    ['another method', '?stream=a', { method: 'DELETE' }, undefined, 405, TYPES.text],
    [
      'a type that is not served',
      '?stream=a',
      { headers: { accept: 'text/html' } },
      undefined,
      406,
      TYPES.text,
    ],
    [
      'an HTTPException',
      '?stream=a',
      {},
      () => {
        throw new HTTPException(401, { message: 'log in first' })
      },
      401,
      null,
    ],
  ])('are in the response to %s', async (_, query, init, authorize, status, type) => {
    const { app } = await appOf(authorize)
    const response = await app.request(`/events${query}`, init)
    expect(response.status).toBe(status)
    expect(response.headers.get('x-request-id')).toBe('17')
    expect(response.headers.getSetCookie()).toEqual(['a=1; Path=/', 'b=2; Path=/'])
    if (type !== null) expect(response.headers.get('content-type')).toMatch(type)
    await response.body?.cancel()
  })

  it('are in the response to a request beyond the limit of connections', async () => {
    const { app } = await appOf(undefined, { maxConnections: 1 })
    const first = await app.request('/events?stream=a')
    const reader = (first.body as ReadableStream).getReader()
    await reader.read()
    const second = await app.request('/events?stream=a')
    expect([second.status, second.headers.get('x-request-id')]).toEqual([429, '17'])
    expect(second.headers.get('retry-after')).toMatch(/^\d+$/)
    await reader.cancel()
  })

  it('do not replace the headers of an event stream', async () => {
    const { sser } = await appOf()
    const app = new Hono().use(async (c, next) => {
      c.header('cache-control', 'max-age=60')
      await next()
    })
    const { headers, body } = await app.route('/events', sser.routes).request('/events?stream=a')
    expect(headers.get('cache-control')).toBe('no-cache, no-transform')
    await body?.cancel()
  })
})

describe('headers that authorize sets', () => {
  it.each([
    ['allows', 'allow', 200],
    ['denies', 'deny', 403],
  ] as const)('is in the answer where it %s', async (_, decision, status) => {
    const { app, sser } = await appOf((c) => {
      setCookie(c, 'session', 'renewed')
      c.header('x-user', 'ann')
      return decision
    })
    const behindCors = new Hono().use(cors()).route('/', app)
    for (const asked of [app, behindCors]) {
      const { status: got, headers, body } = await asked.request('/events?stream=a')
      expect([got, headers.get('x-user')]).toEqual([status, 'ann'])
      expect(headers.getSetCookie()).toContain('session=renewed; Path=/')
      await body?.cancel()
    }
    const response = await sser.handler(new Request('http://pod/?stream=a'))
    expect(response.headers.get('x-user')).toBe('ann')
    await response.body?.cancel()
  })
})

describe('an HTTPException of another install of Hono', () => {
  it('is the response', async () => {
    const { app, errors } = await appOf(() => {
      throw new ForeignHTTPException()
    })
    const response = await app.request('/events?stream=a')
    expect([response.status, await response.text()]).toEqual([401, 'log in first'])
    expect(errors).toEqual([])
  })
})
