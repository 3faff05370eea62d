import { afterEach, describe, expect, test } from 'vitest'
import { asReceived, HOSTILE_MESSAGES } from '../support/messages.ts'
import { closeClients, RawClient, StreamClient } from '../support/stream-client.ts'
import { until } from '../support/until.ts'
import { statusOf, Target } from './target.ts'

const FORGED = ['a\nb', 'a\rid: 7', 'a\u0000', '\n\ndata: forged', 'a\u0085', 'sser-gap']

afterEach(closeClients)

describe.each([
  ['node', '127.0.130.1'],
  ['bun', '127.0.130.2'],
] as const)('under %s', (runtime, host) => {
  const target = Target.forAll(runtime, host)

  test('lets no sender forge frames by CR, LF and NUL', async () => {
    await target.endures(async () => {
      const client = await StreamClient.open(target.url, 'target')
      for (const text of FORGED.slice(0, 4)) {
        expect(await target.send({ stream: text }, 'x')).toEqual({ status: 400, code: 'invalid-stream-name' })
        expect(await target.send({ stream: 'target', event: text }, 'x')).toMatchObject({
          code: 'invalid-event-type',
        })
        expect(await target.send({ stream: 'target', key: text }, 'x')).toMatchObject({
          code: 'invalid-idempotency-key',
        })
      }
      for (const msg of HOSTILE_MESSAGES)
        expect((await target.send({ stream: 'target' }, msg)).status).toBe(202)
      await until('every message is there', () => client.received.length === HOSTILE_MESSAGES.length)
      // The body begins with bytes that a decoder takes for a byte-order mark.
      const sent = HOSTILE_MESSAGES.map((msg) => asReceived(msg).replace(/^\uFEFF/, ''))
      expect(client.messages).toEqual(sent)
      client.close()
    })
  })

  test('lets no peer forge frames by CR, LF and NUL', async () => {
    await target.endures(async () => {
      const client = await StreamClient.open(target.url, 'target')
      const event = (fields: object) => ({ seq: 1, age: 0, stream: 'target', msg: 'x', ...fields })
      const append = (fields: object) =>
        JSON.stringify({
          v: 2,
          epoch: 'liar1',
          position: {},
          runs: [{ epoch: 'liar1', prev: 0, idle: 0, events: [event(fields)] }],
        })
      for (const text of FORGED) {
        if (text !== 'sser-gap') {
          expect(await target.post('/api/json/v1/send', JSON.stringify({ stream: text, msg: 'x' }))).toBe(400)
          expect(await target.post('/api/json/v2/append', append({ stream: text }))).toBe(400)
        }
        if (text !== 'a\u0085')
          expect(await target.post('/api/json/v2/append', append({ event: text }))).toBe(400)
      }
      for (const msg of HOSTILE_MESSAGES)
        expect(await target.post('/api/json/v1/send', JSON.stringify({ stream: 'target', msg }))).toBe(200)
      await until('every message is there', () => client.received.length === HOSTILE_MESSAGES.length)
      expect(client.messages).toEqual(HOSTILE_MESSAGES.map(asReceived))
      expect(client.gaps).toEqual([])
      client.close()
    })
  })

  test('rejects oversize stream names, and 10,000 of them', async () => {
    await target.endures(async () => {
      const ask = (query: string) => statusOf(target.url, `GET /events?${query} HTTP/1.1\r\nHost: x\r\n\r\n`)
      expect(await ask(`stream=${'x'.repeat(257)}`)).toBe(400)
      expect(await ask(`stream=${'%C3%A9'.repeat(129)}`)).toBe(400)
      const many = Array.from({ length: 1_000 }, (_, i) => `stream=${i}`).join('&')
      expect(await ask(many)).toBe(400)
      // 10,000 names exceed the size limit of a request's head.
      const most = Array.from({ length: 10_000 }, (_, i) => `stream=${i}`).join('&')
      expect([431, 400, 414, undefined]).toContain(await ask(most))
    })
  })

  test('keeps nothing of 1,000 streams whose connections are opened and dropped', async () => {
    await target.endures(async () => {
      for (let round = 0; round < 10; round += 1) {
        const names = Array.from({ length: 100 }, (_, i) => `own-${round}-${i}`)
        const raws = await Promise.all(names.map((name) => RawClient.events(target.url, [name])))
        for (const raw of raws) await raw.holds('a greeting', (text) => text.includes('sser-position'))
        for (const raw of raws) raw.socket.destroy()
      }
    })
  })
})
