import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { RawClient } from '../support/stream-client.ts'
import { until } from '../support/until.ts'
import { statusOf, Target } from './target.ts'

const V1 = '/api/json/v1/send'
const V2 = '/api/json/v2/append'
const MIB = 1_048_576
/** Some 65 KB, which would be 64 MiB. */
const bomb = gzipSync(Buffer.alloc(64 * MIB, 0x20))

describe.each([
  ['node', '127.0.132.1'],
  ['bun', '127.0.132.2'],
] as const)('under %s', (runtime, host) => {
  const target = Target.forAll(runtime, host)

  test.each([V1, V2])('rejects an announced body above the limit, to %s', async (path) => {
    await target.endures(async () => {
      const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${64 * MIB}\r\n\r\n`
      for (let times = 0; times < 20; times += 1)
        expect(await statusOf(target.internalUrl, `${head}${'x'.repeat(1_000)}`)).toBe(413)
    })
  })

  test.each([V1, V2])('rejects a chunked body without end, to %s', async (path) => {
    await target.endures(async () => {
      const raw = await RawClient.open(target.internalUrl)
      raw.socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`)
      const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`
      let written = 0
      await until('it is cut off', async () => {
        if (raw.socket.writableLength < MIB && written < 256 * MIB) {
          raw.socket.write(chunk)
          written += chunk.length
        }
        return raw.isClosed || raw.text.startsWith('HTTP/1.1 411 ')
      })
      raw.socket.destroy()
      // Bytes in the kernel's buffers count as well.
      expect(written).toBeLessThan(32 * MIB)
    })
  })

  test('never decompresses a body that would grow a thousand times', async () => {
    await target.endures(async () => {
      for (const encoding of ['gzip', 'deflate', 'br'])
        expect(await target.post(V2, bomb, { 'content-encoding': encoding })).toBe(400)
    })
  })

  test('rejects JSON a million levels deep', async () => {
    await target.endures(async () => {
      for (const body of [
        '['.repeat(MIB),
        '{"v":'.repeat(MIB),
        `{"v":2,"runs":${'['.repeat(MIB)}${']'.repeat(MIB)}}`,
      ]) {
        expect(await target.post(V2, body)).toBe(400)
        if (body.length < 400_000) expect(await target.post(V1, body)).toBe(400)
      }
    })
  })

  test('survives __proto__ and duplicate keys in JSON', async () => {
    await target.endures(async () => {
      const message = (fields: string) => `{"v":2,"epoch":"liar1","position":{},"runs":[],${fields}}`
      expect(await target.post(V2, message('"__proto__":{"ready":true,"hydrate":true}'))).toBe(200)
      expect(await target.post(V2, message('"position":{"__proto__":1}'))).toBe(400)
      expect(await target.post(V2, message('"position":{"constructor":1}'))).toBe(400)
      expect(await target.post(V2, message('"position":{"toString":1}'))).toBe(400)
      expect((await target.state()).position).not.toMatch(/proto|const/)
      // Of two, JSON takes the last.
      expect(await target.post(V2, message('"v":3'))).toBe(400)
      expect(await target.post(V2, message('"epoch":"__proto__"'))).toBe(400)
      expect(await target.post(V1, '{"__proto__":{"stream":"a","msg":"x"}}')).toBe(400)
      expect(await target.post(V1, '{"stream":"a","msg":"x","msg":""}')).toBe(400)
    })
  })

  test('survives bodies that break off', async () => {
    await target.endures(async () => {
      for (let times = 0; times < 200; times += 1) {
        const raw = await RawClient.open(target.internalUrl)
        raw.socket.write(
          `POST ${V2} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"v":2`,
        )
        if (times % 2 === 0) raw.socket.resetAndDestroy()
        else raw.socket.end()
        await raw.closed
      }
    })
  })
})
