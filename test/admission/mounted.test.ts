import { Hono } from 'hono'
import { basicAuth } from 'hono/basic-auth'
import { describe, expect, it } from 'vitest'
import { markTrailingSlash } from '../../src/http/fetch-handler.ts'
import { Fleet } from '../support/fleet.ts'

const AUTHORIZATION = `Basic ${btoa('a:b')}`

async function ask(path: string, headers: Record<string, string>, mount = '/events') {
  const { sser } = (await Fleet.of(1)).pod(0)
  const app = new Hono()
  app.use(mount, basicAuth({ username: 'a', password: 'b' }))
  app.mount(mount, sser.handler)
  const url = `http://pod${path}?stream=a`
  // As Node's adapter hands it on.
  const response = await app.request(url, { headers }, { incoming: { url: `${path}?stream=a` } })
  await response.body?.cancel()
  return response.status
}

describe('a handler that Hono mounts', () => {
  it.each(['/events', '/a/events'])(
    'answers at the path of its mount, behind the guard of that path: %s',
    async (mount) => {
      expect(await ask(mount, {}, mount)).toBe(401)
      expect(await ask(mount, { authorization: AUTHORIZATION }, mount)).toBe(200)
    },
  )

  it.each(['/events/', '/events/x', '/events//', '/events/%2f', '/events/x/'])(
    'refuses %s, which the guard of the mount does not cover',
    async (path) => {
      expect([400, 401, 404]).toContain(await ask(path, {}))
      expect([400, 404]).toContain(await ask(path, { authorization: AUTHORIZATION }))
    },
  )

  it('answers 404 at its path with a trailing slash that only the runtime reports', async () => {
    const { sser } = (await Fleet.of(1)).pod(0)
    const call = sser.handler as (...args: unknown[]) => Promise<Response>
    for (const [url, status] of [
      ['http://pod/events/?stream=a', 404],
      ['http://pod/events?stream=a', 200],
      ['http://pod/?stream=a', 200],
    ] as const) {
      const original = new Request(url)
      markTrailingSlash(original)
      // Bun's requests share their signal with those that are made of them.
      const mounted = new Request('http://pod/?stream=a')
      Object.defineProperty(mounted, 'signal', { value: original.signal })
      const response = await call(mounted, {}, undefined)
      expect(response.status).toBe(status)
      await response.body?.cancel()
    }
  })
})

describe('a handler that another router calls', () => {
  it('answers at any path', async () => {
    const { sser } = (await Fleet.of(1)).pod(0)
    for (const path of ['/', '/events', '/events/', '/a/b']) {
      const response = await sser.handler(new Request(`http://pod${path}?stream=a`), {
        incoming: { url: path },
      })
      expect(response.status).toBe(200)
      await response.body?.cancel()
    }
  })
})
