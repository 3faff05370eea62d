import { Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { jwt, sign } from 'hono/jwt'
import { afterEach, describe, expect, it } from 'vitest'
import type { Authorize, Decision } from '../../src/index.ts'
import type { RawClient } from '../support/stream-client.ts'
import { until, within } from '../support/until.ts'
import { listen, SecuredFleet, type SecuredPod } from './fleet.ts'

const fleet = new SecuredFleet('127.0.64')
afterEach(() => fleet.stop())

async function one(authorize: Authorize, settings: object = {}): Promise<SecuredPod> {
  const [pod] = (await fleet.start({ authorize, ...settings })) as [SecuredPod]
  return pod
}

const ask = (pod: SecuredPod, query = '?stream=a', headers: Record<string, string> = {}) =>
  fetch(`${pod.url}/events${query}`, { headers, signal: AbortSignal.timeout(30_000) })

describe('the hook', () => {
  it('receives the request and the streams, and decides what the client gets', async () => {
    const asked: unknown[] = []
    const pod = await one(async (c, { streams }) => {
      asked.push([c.req.header('cookie'), c.req.query('token'), streams])
      return { streams: streams?.filter((stream) => stream !== 'secret') }
    })
    const response = await ask(pod, '?stream=a&stream=secret&token=t', { cookie: 'sid=1' })
    expect(asked).toEqual([['sid=1', 't', ['a', 'secret']]])
    expect(pod.sser.connections).toBe(1)
    await pod.sser.send('secret', 'not for you')
    await pod.sser.send('a', 'for you')
    let text = ''
    for await (const chunk of response.body as ReadableStream<Uint8Array>) {
      text += Buffer.from(chunk).toString()
      if (text.includes('for you')) break
    }
    expect(text).not.toContain('not for you')
  })

  it.each<[string, Decision, number, string | null]>([
    ['deny', 'deny', 403, 'forbidden'],
    ['stop', 'stop', 204, 'blocked'],
    ['no stream', { streams: [] }, 403, 'forbidden'],
    ['a time in the past', { expiresAt: Date.now() - 1 }, 403, 'forbidden'],
    ['allow', 'allow', 200, null],
    ['an empty object', {}, 200, null],
  ])('answers %s with its own status', async (_, decision, status, code) => {
    const pod = await one(() => decision)
    const response = await ask(pod)
    expect([response.status, response.headers.get('sser-error')]).toEqual([status, code])
    await response.body?.cancel()
    await until('no connection is left', () => pod.sser.connections === 0)
  })

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('the session store is away')
      },
    ],
    ['says true', () => true],
    ['returns undefined', () => undefined],
    ['returns null', () => null],
    ['returns a Response', () => new Response(null, { status: 403 })],
    ['returns an unknown field', () => ({ stream: ['a'] })],
    ['returns an invalid stream name', () => ({ streams: ['a\nb'] })],
    ['returns too many streams', () => ({ streams: Array.from({ length: 33 }, (_, i) => `${i}`) })],
    ['returns an empty tag', () => ({ tags: [''] })],
    ['returns too many tags', () => ({ tags: Array.from({ length: 17 }, (_, i) => `${i}`) })],
    ['returns a tag that is too long', () => ({ tags: ['x'.repeat(257)] })],
    ['returns seconds', () => ({ expiresAt: Math.round(Date.now() / 1_000) + 60 })],
    ['returns NaN as the time', () => ({ expiresAt: Number.NaN })],
    ['never settles', () => new Promise(() => {})],
  ])('admits no client if it %s, but stops no EventSource for good', async (_, hook) => {
    const pod = await one(hook as Authorize, { authorizeTimeoutMs: 50 })
    const response = await ask(pod)
    expect([response.status, await response.text()]).toEqual([
      200,
      'event: sser-retry\nretry: 2000\ndata: {"reason":"authorization-failed"}\n\n',
    ])
    expect(response.headers.get('sser-error')).toBe('authorization-failed')
    expect(pod.sser.connections).toBe(0)
    expect(pod.errors).toMatchObject([
      { error: { code: 'authorization-failed' }, context: { stage: 'authorize' } },
    ])
  })

  it('throws an HTTPException, which becomes the response', async () => {
    const pod = await one(() => {
      throw new HTTPException(401, { message: 'log in first' })
    })
    const response = await ask(pod)
    expect([response.status, await response.text()]).toEqual([401, 'log in first'])
  })

  it('is called behind any router that calls the handler', async () => {
    const pod = await one((c) => (c.req.query('token') === 't' ? 'allow' : 'deny'))
    for (const [token, status] of [
      ['t', 200],
      ['u', 403],
    ] as const) {
      const response = await pod.sser.handler(new Request(`http://pod/any/path?stream=a&token=${token}`))
      expect(response.status).toBe(status)
    }
  })

  it('runs after middleware that reads the user from a JWT cookie', async () => {
    const secret = 'a secret of the app'
    const app = new Hono()
    app.use('/events', jwt({ secret, alg: 'HS256', cookie: 'session' }))
    const [pod] = (await fleet.start({
      authorize: (c) => {
        const { sub, exp } = c.get('jwtPayload') as { sub: string; exp: number }
        return { tags: [`user:${sub}`], expiresAt: exp * 1_000 }
      },
      serving: { fetch: (request, env) => app.fetch(request, env as object) },
    })) as [SecuredPod]
    app.route('/events', pod.sser.routes)
    expect((await ask(pod)).status).toBe(401)
    const exp = Math.floor(Date.now() / 1_000) + 60
    const cookie = `session=${await sign({ sub: 'ann', exp }, secret)}`
    const response = await ask(pod, '?stream=a', { cookie })
    expect(response.status).toBe(200)
    expect((await pod.sser.disconnect({ tag: 'user:ann' })).connections).toBe(1)
  })
})

describe('a connection that expires', () => {
  it('ends cleanly at its expiry, and the next request is authorized anew', async () => {
    let judged = 0
    const pod = await one(() => {
      judged += 1
      return judged === 1 ? { expiresAt: Date.now() + 600 } : 'stop'
    })
    const start = performance.now()
    const raw = await listen(pod, 'a')
    await within('it ends', raw.closed)
    expect(performance.now() - start).toBeGreaterThan(580)
    expect(raw.text).toMatch(
      /\r\nevent: sser-retry\nretry: \d+\ndata: {"reason":"expired"}\n\n\r\n0\r\n\r\n$/,
    )
    expect((await ask(pod)).status).toBe(204)
  })

  it('leaves the expiry of other connections of the Pod unchanged', async () => {
    const pod = await one((c) => ({ expiresAt: Date.now() + Number(c.req.query('stream')) }))
    const [soon, late] = await Promise.all([listen(pod, '500'), listen(pod, '60000')])
    await within('the first ends', (soon as RawClient).closed)
    expect((late as RawClient).isClosed).toBe(false)
    expect(pod.sser.connections).toBe(1)
  })
})
