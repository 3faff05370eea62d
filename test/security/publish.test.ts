import { describe, expect, test } from 'vitest'
import { RawClient, StreamClient } from '../support/stream-client.ts'
import { until } from '../support/until.ts'
import { statusOf, Target } from './target.ts'

const TOKEN = 'a-token-of-the-tests'
const MIB = 1_048_576
const settings = { publishToken: TOKEN, internalBodyTimeoutMs: 3_000 }

describe.each([
  ['node', '127.0.175.1'],
  ['bun', '127.0.175.2'],
] as const)('the publish routes under %s', (runtime, host) => {
  const target = Target.forAll(runtime, host, { settings })
  const head = (more: string, token = TOKEN) =>
    `POST /publish?stream=a HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n${more}\r\n`
  const open = async (text: string) => {
    const raw = await RawClient.open(target.url)
    raw.socket.write(text)
    return raw
  }

  test('answer 401 without the token, read no body, and send nothing', async () => {
    await target.endures(async () => {
      const listener = await StreamClient.open(target.url, 'a')
      const heads = [
        head('Content-Length: 100000000\r\n', 'another-token-of-the-tests'),
        head('Content-Length: 1\r\n', TOKEN.slice(1)),
        'POST /publish?stream=a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n',
      ]
      for (const each of heads) {
        const raw = await open(`${each}x`)
        const text = await raw.holds('the answer', (received) => received.includes('"code"'))
        expect(text).toMatch(/^HTTP\/1\.1 401 /)
        expect(text.toLowerCase()).toContain('www-authenticate: bearer\r\n')
        expect(text).toContain('"code":"unauthorized"')
        raw.socket.destroy()
      }
      expect(listener.messages).toEqual([])
      listener.close()
    })
  })

  test('answer 413 to a body that is too long, announced or in chunks', async () => {
    await target.endures(async () => {
      expect(
        await statusOf(target.url, `${head(`Content-Length: ${64 * MIB}\r\n`)}${'x'.repeat(1_000)}`),
      ).toBe(413)
      const raw = await open(head('Transfer-Encoding: chunked\r\n'))
      const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`
      let written = 0
      await until('it is refused', async () => {
        if (!raw.isClosed && raw.socket.writableLength < MIB && written < 256 * MIB) {
          raw.socket.write(chunk)
          written += chunk.length
        }
        return raw.isClosed || raw.text.startsWith('HTTP/1.1 413 ')
      })
      expect(written).toBeLessThan(32 * MIB)
      raw.socket.destroy()
    })
  })

  test('answer 413 to a body in pieces of one byte, once it costs too much', async () => {
    await target.endures(async () => {
      const raw = await open(head('Transfer-Encoding: chunked\r\n'))
      let isSent = false
      await until('it is refused', async () => {
        if (!raw.isClosed && !isSent) raw.socket.write('1\r\nx\r\n'.repeat(1_000))
        isSent = raw.socket.writableLength > MIB
        return raw.isClosed || /^HTTP\/1\.1 (?:413|408) /.test(raw.text)
      })
      raw.socket.destroy()
    })
  })

  test('answer 408 to slow bodies, and 503 beyond 256 requests at once', async () => {
    await target.endures(async () => {
      // All connect first, so that the slow bodies begin at once, and none is late before the last one has begun.
      const raws = await Promise.all(Array.from({ length: 276 }, () => open('')))
      const slow = raws.slice(0, 256)
      const more = raws.slice(256)
      const complete = `${head('Content-Length: 1\r\n')}x`
      for (const { socket } of slow) socket.write(`${head('Content-Length: 9\r\n')}x`)
      await until('256 are open', async () => (await statusOf(target.url, complete)) === 503)
      for (const { socket } of more) socket.write(complete)
      const statuses = (raws: RawClient[]) => raws.map(({ text }) => text.slice(9, 12))
      const isAnswered = (raws: RawClient[]) => statuses(raws).every((status) => status !== '')
      await until('all are answered', () => isAnswered(slow) && isAnswered(more))
      expect(new Set(statuses(slow))).toEqual(new Set(['408']))
      expect(new Set(statuses(more))).toEqual(new Set(['503']))
      for (const { socket } of raws) socket.destroy()
      expect(await statusOf(target.url, complete)).toBe(200)
    })
  })
})
