import { describe, expect, test } from 'vitest'
import { formatPosition } from '../../src/wire/position.ts'
import { RawClient } from '../support/stream-client.ts'
import { statusOf, Target } from './target.ts'

const APPEND = '/api/json/v2/append'

describe.each([
  ['node', '127.0.131.1'],
  ['bun', '127.0.131.2'],
] as const)('under %s', (runtime, host) => {
  const target = Target.forAll(runtime, host)
  const get = (path: string, headers = '', version = '1.1') =>
    statusOf(target.url, `GET ${path} HTTP/${version}\r\nHost: x\r\n${headers}\r\n`)

  test('rejects a URL of 64 KiB, and headers of 64 KiB', async () => {
    await target.endures(async () => {
      const refusals = [400, 414, 431, undefined]
      for (let times = 0; times < 20; times += 1) {
        expect(refusals).toContain(await get(`/events?stream=${'x'.repeat(65_536)}`))
        expect(refusals).toContain(await get('/events?stream=a', `X-Large: ${'x'.repeat(65_536)}\r\n`))
        expect(refusals).toContain(await get('/events?stream=a', 'X-Many: 1\r\n'.repeat(6_000)))
      }
    })
  })

  test('survives a Last-Event-ID of 100 KB', async () => {
    await target.endures(async () => {
      expect([400, 431, undefined]).toContain(
        await get('/events?stream=a', `Last-Event-ID: ${'x'.repeat(100_000)}\r\n`),
      )
    })
  })

  test.each([
    ['that is garbage', 'garbage'],
    ['of bytes that are not text', '\u0080\u00ff-\u00e9'],
    ['of the maximum length', 'x'.repeat(4_096)],
    ['that names unknown Pods', formatPosition([['aaaaa', 2 ** 53 - 1]])],
    [
      'that names 400 unknown Pods',
      formatPosition(Array.from({ length: 400 }, (_, i) => [`e${1_000 + i}`, i + 1])),
    ],
  ])('reports a gap and no error for a Last-Event-ID %s', async (_, id) => {
    await target.endures(async () => {
      const raw = await RawClient.open(target.url)
      raw.socket.write(`GET /events?stream=a HTTP/1.1\r\nHost: x\r\nLast-Event-ID: ${id}\r\n\r\n`, 'latin1')
      const text = await raw.holds('a gap', (text) => text.includes('sser-gap'))
      expect(text).toMatch(/^HTTP\/1\.1 200 /)
      expect(text).not.toMatch(/event: (?!sser-gap)/)
      raw.socket.destroy()
    })
  })

  test('sends only new events to a Last-Event-ID ahead of the Pod', async () => {
    await target.endures(async () => {
      const epoch = (await target.state()).position.slice(0, 5)
      const raw = await RawClient.open(target.url)
      const id = formatPosition([[epoch, 2 ** 53 - 1]])
      raw.socket.write(
        `GET /events?${new URLSearchParams({ stream: target.stream })} HTTP/1.1\r\nHost: x\r\nLast-Event-ID: ${id}\r\n\r\n`,
      )
      await raw.holds('a gap, then events', (text) => /sser-gap[\s\S]*\ndata: \d+ \d+ \d+\n/.test(text))
      raw.socket.destroy()
    })
  })

  test('rejects unknown methods and paths, on both ports', async () => {
    await target.endures(async () => {
      const ask = (url: string, method: string, path: string) =>
        statusOf(url, `${method} ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`)
      for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])
        expect([method, await ask(target.url, method, '/events?stream=a')]).toEqual([method, 405])
      for (const path of ['/', '/api/json/v1/send', APPEND, '/livez', '/events/../state/..%2f', '//events'])
        expect([path, await ask(target.url, 'GET', path)]).toEqual([path, 404])
      for (const path of ['/', '/events?stream=a', '/send', '/state', `${APPEND}/`])
        expect([path, await ask(target.internalUrl, 'POST', path)]).toEqual([path, 404])
      for (const method of ['GET', 'PUT', 'DELETE'])
        expect([method, await ask(target.internalUrl, method, APPEND)]).toEqual([method, 404])
      for (const method of ['BREW', 'CONNECT', 'TRACE'])
        expect([400, 404, 405, 501, undefined]).toContain(await ask(target.url, method, '/events?stream=a'))
    })
  })

  test.each([
    ['no Host, and HTTP/1.1,', '1.1', ''],
    ['a Host with a path', '1.1', 'Host: a/b\r\n'],
    ['an invalid Host', '1.1', 'Host: %\r\n'],
    ['a Host that is not text', '1.1', 'Host: \u00e9\r\n'],
  ])('routes a request with %s nowhere', async (_, version, host) => {
    await target.endures(async () => {
      const head = `HTTP/${version}\r\n${host}`
      for (const path of ['/events?stream=a', '/x/events?stream=a', '/state', '/x/state']) {
        const bytes = Buffer.from(`GET ${path} ${head}\r\n`, 'latin1')
        expect(await statusOf(target.url, bytes), path).toBe(400)
      }
      for (const path of ['/livez', '/x/livez', '/metrics']) {
        const bytes = Buffer.from(`GET ${path} ${head}\r\n`, 'latin1')
        expect(await statusOf(target.internalUrl, bytes), path).toBe(400)
      }
    })
  })

  // HTTP/1.0 has none. An empty one is allowed, and Bun refuses it.
  test.each([
    ['no Host in HTTP/1.0', 'HTTP/1.0\r\n', []],
    ['an empty Host', 'HTTP/1.1\r\nHost:\r\n', [400]],
  ])('routes a request with %s to the path that it names, and no other', async (_, head, refusals) => {
    await target.endures(async () => {
      for (const [url, path] of [
        [target.url, '/events?stream=a'],
        [target.url, '/x/events?stream=a'],
        [target.url, '/x/state'],
        [target.internalUrl, '/livez'],
        [target.internalUrl, '/x/livez'],
        [target.internalUrl, '/metrics'],
      ] as const) {
        const usual = await statusOf(url, `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
        expect([...refusals, usual], path).toContain(await statusOf(url, `GET ${path} ${head}\r\n`))
      }
    })
  })

  test('survives HTTP/1.0, HEAD, and bytes that are not HTTP', async () => {
    await target.endures(async () => {
      expect(await get('/events?stream=a', '', '1.0')).toBe(200)
      for (let times = 0; times < 50; times += 1) {
        expect(await statusOf(target.url, 'HEAD /events?stream=a HTTP/1.1\r\nHost: x\r\n\r\n')).toBe(200)
        for (const bytes of [
          '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n',
          '\0'.repeat(1_000),
          'GET / HTTP/9.9\r\n\r\n',
        ])
          expect([400, 404, 505, undefined]).toContain(
            await statusOf(target.url, Buffer.from(bytes, 'latin1')),
          )
      }
    })
  })
})
