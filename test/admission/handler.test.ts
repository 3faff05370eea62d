import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { Fleet } from '../support/fleet.ts'

describe('sser.handler()', () => {
  it.each([
    ['that becomes a stream', '?stream=a', 200],
    ['that is refused', '', 400],
  ])('returns a promise for a request %s', async (_, query, status) => {
    const { sser } = (await Fleet.of(1)).pod(0)
    const promise = sser.handler(new Request(`http://pod/${query}`))
    expect(promise).toBeInstanceOf(Promise)
    expect((await promise).status).toBe(status)
  })

  it('rejects a Hono Context and names the call that takes one', async () => {
    const { sser } = (await Fleet.of(1)).pod(0)
    const errors: unknown[] = []
    const app = new Hono()
      .onError((error, c) => {
        errors.push(error)
        return c.text('failed', 500)
      })
      .get('/events', (c) => sser.handler(c as never))
    expect((await app.request('/events?stream=a')).status).toBe(500)
    expect(errors).toMatchObject([
      {
        name: 'SserError',
        code: 'invalid-argument',
        message:
          "sser.handler(): expected a Request, got Hono's Context; pass c.req.raw, and c.env for the client's address; or mount sser.routes: app.route(path, sser.routes)",
      },
    ])
  })

  it.each([
    ['undefined', undefined, 'undefined'],
    ['a URL', 'http://pod/?stream=a', '"http://pod/?stream=a"'],
    ['a URL object', new URL('http://pod/?stream=a'), 'an instance of URL'],
    ['the request of node:http', new IncomingMessage(new Socket()), 'an instance of IncomingMessage'],
  ])('rejects %s and says how to make a Request', async (_, value, received) => {
    const { sser } = (await Fleet.of(1)).pod(0)
    await expect(sser.handler(value as never)).rejects.toMatchObject({
      name: 'SserError',
      code: 'invalid-argument',
      message: `sser.handler(): expected a Request, got ${received}; make one of it: new Request(url, { headers })`,
    })
  })
})
