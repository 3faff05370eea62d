import { describe, expect, test } from 'vitest'
import { formatPosition } from '../../src/wire/position.ts'
import { RawClient } from '../support/stream-client.ts'
import { Target } from './target.ts'

const CONNECTIONS = 400
/** So few that a slow machine reads their heads within its time limit. */
const AT_ONCE = 50
const hasGap = (text: string) => text.includes('sser-gap')
/** Maximum heap of the Pod per such client. A Pod that stored the ids needed 75 KB each. */
const MAX_BYTES = 40_960

describe.each([
  ['node', '127.0.150.1'],
  ['bun', '127.0.151.1'],
] as const)('under %s', (runtime, host) => {
  const target = Target.forAll(runtime, host)

  test('bounds the cost of 400 clients that name 584 invented Pods each', async () => {
    // Before the attack, because the probe reads its events in this process, which these would block.
    const ids = Array.from({ length: CONNECTIONS }, (_, i) =>
      formatPosition(Array.from({ length: 584 }, (_, j) => [`${10_000 + i * 100 + j}`, 1])),
    )
    await target.endures(async () => {
      const before = (await target.state()).heapBytes
      const raws: RawClient[] = []
      for (const id of ids) {
        const raw = await RawClient.open(target.url)
        raw.socket.write(`GET /events?stream=a HTTP/1.1\r\nHost: x\r\nLast-Event-ID: ${id}\r\n\r\n`)
        raws.push(raw)
        if (raws.length % AT_ONCE === 0)
          for (const each of raws.slice(-AT_ONCE)) await each.holds('a gap', hasGap)
      }
      const { heapBytes } = await target.state()
      expect((heapBytes - before) / CONNECTIONS).toBeLessThan(MAX_BYTES)
      for (const { socket } of raws) socket.destroy()
    })
  })
})
