import { afterEach, describe, expect, test } from 'vitest'
import { closeClients, RawClient, StreamClient } from '../support/stream-client.ts'
import { until } from '../support/until.ts'
import { Target } from './target.ts'

const SLOW = 200
const ATTACK_MS = 800

afterEach(closeClients)

describe.each([
  ['node', '127.0.134.1'],
  ['bun', '127.0.134.2'],
] as const)('under %s', (runtime, host) => {
  const target = Target.forAll(runtime, host, { settings: { logMaxBytes: 4_194_304 } })

  /** Many connections on which `bytes` come one by one; they go on until the end of the attack. */
  async function trickle(url: string, bytes: string): Promise<void> {
    const raws = await Promise.all(Array.from({ length: SLOW }, () => RawClient.open(url)))
    const end = performance.now() + ATTACK_MS
    let at = 0
    await until(
      'the attack is over',
      () => {
        for (const raw of raws) if (!raw.isClosed) raw.socket.write(bytes[at % bytes.length] as string)
        at += 1
        return performance.now() > end
      },
      2 * ATTACK_MS,
    )
    expect(raws.every(({ text }) => text === '')).toBe(true)
    for (const raw of raws) raw.socket.destroy()
  }

  test.each(['url', 'internalUrl'] as const)(
    'stays responsive while headers come byte by byte (%s)',
    async (port) => {
      await target.endures(() => trickle(target[port], `GET /events?stream=${'x'.repeat(4_000)}`))
    },
  )

  test('stays responsive while bodies come byte by byte', async () => {
    await target.endures(async () => {
      const head = 'POST /api/json/v2/append HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n\r\n'
      const raws = await Promise.all(Array.from({ length: SLOW }, () => RawClient.open(target.internalUrl)))
      for (const raw of raws) raw.socket.write(head)
      for (let times = 0; times < 20; times += 1) {
        for (const raw of raws) raw.socket.write(' ')
        await new Promise((resolve) => setImmediate(resolve))
      }
      expect(await target.post('/api/json/v1/send', '{"stream":"a","msg":"x"}')).toBe(200)
      for (const raw of raws) raw.socket.destroy()
    })
  })

  test('stays responsive while clients never read', async () => {
    await target.endures(async () => {
      const raws = await Promise.all(
        Array.from({ length: 20 }, () => RawClient.events(target.url, ['flood'])),
      )
      for (const raw of raws) {
        await raw.holds('a greeting', (text) => text.includes('sser-position'))
        raw.socket.pause()
      }
      const reader = await StreamClient.open(target.url, 'flood')
      for (let times = 0; times < 150; times += 1) await target.send({ stream: 'flood' }, 'x'.repeat(60_000))
      await until('the reading client has every event', () => reader.received.length === 150)
      expect(reader.gaps).toEqual([])
      reader.close()
      for (const raw of raws) raw.socket.destroy()
    })
  })

  test('keeps nothing of clients that connect and reset, over and over', async () => {
    await target.endures(async () => {
      for (let times = 0; times < 1_000; times += 1) {
        const raw =
          times % 2 === 0
            ? await RawClient.open(target.url)
            : await RawClient.events(target.url, [target.stream])
        if (times % 4 === 3) await raw.holds('some of it', (text) => text !== '')
        raw.socket.resetAndDestroy()
      }
      for (let times = 0; times < 200; times += 1)
        (await RawClient.open(target.internalUrl)).socket.resetAndDestroy()
    })
  })
})
