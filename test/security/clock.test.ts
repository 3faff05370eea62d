import { describe, expect, test } from 'vitest'
import { StreamClient } from '../support/stream-client.ts'
import { until } from '../support/until.ts'
import { Target } from './target.ts'

const HOUR_MS = 3_600_000

describe.each([
  ['node', '127.0.138.1', '127.0.138.2'],
  ['bun', '127.0.138.3', '127.0.138.4'],
] as const)('under %s', (runtime, host, other) => {
  const settings = { retryMs: 100, requestTimeoutMs: 500 }
  const target = Target.forAll(runtime, host, { peers: [`${other}:7110`], settings })
  const peer = Target.forAll(runtime, other, { peers: [`${host}:7110`], settings })

  test.each([
    ['an hour ahead', HOUR_MS],
    ['an hour back', -HOUR_MS],
  ])('a clock that jumps %s loses neither the fleet nor its clients', async (_, byMs) => {
    const clients = [
      await StreamClient.open(target.url, 'target'),
      await StreamClient.open(peer.url, 'target'),
    ]
    const reach = async (from: Target, msg: string) => {
      const { length } = clients.filter(({ messages }) => messages.includes(msg))
      if (length < clients.length) await from.send({ stream: 'target' }, msg)
      return length === clients.length
    }
    const reached = async (msg: string) => {
      for (const [i, from] of [target, peer].entries())
        await until(`${msg} ${i} reaches all`, () => reach(from, `${msg} ${i}`))
    }
    await reached('before')
    await target.setClock(byMs)
    await peer.endures(() => reached('after'))
    for (const client of clients) {
      expect(client.failure).toBeUndefined()
      client.close()
    }
    for (const each of [target, peer]) {
      const { peers, isReady } = await each.state()
      expect(isReady).toBe(true)
      expect(peers.map(({ state }) => state).sort()).toEqual(['connected', 'self'])
    }
  })
})
