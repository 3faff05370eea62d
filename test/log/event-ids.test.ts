import { describe, expect, it } from 'vitest'
import { parsePosition } from '../../src/wire/position.ts'
import { settle } from '../support/clock.ts'
import { Listening } from '../support/listening.ts'

/** A Pod that knows `count` epochs, each with an event, and each silent for a little longer than the next. */
async function podWithPeers(count: number): Promise<Listening> {
  const pod = new Listening()
  for (let i = 0; i < count; i += 1) {
    pod.append({ stream: 'a', msg: `${i}` }, `p${1_000 + i}`)
    await pod.clock.advance(10)
  }
  pod.append({})
  return pod
}

/** A client that connected and disconnected. */
async function visit(pod: Listening, id?: string) {
  const client = pod.open(['a'], id).flow()
  await settle()
  await client.cancel()
  return client
}

describe('the id of a Pod that knows many epochs', () => {
  it('names all epochs after 260 Pods were replaced, and resumes without a gap', async () => {
    const pod = await podWithPeers(520)
    const { lastEventId = '' } = await visit(pod)
    expect(parsePosition(lastEventId)?.size).toBe(521)
    pod.send('a', 'meanwhile')
    const again = await visit(pod, lastEventId)
    expect([again.messages, again.gaps]).toEqual([['meanwhile'], []])
  })

  it.each([1_100, 1_500, 2_000])(
    'stays within its limit with %i epochs, and resuming gets a gap',
    async (count) => {
      const pod = await podWithPeers(count)
      const { lastEventId = '' } = await visit(pod)
      expect(lastEventId.length).toBeLessThanOrEqual(7_168)
      const named = parsePosition(lastEventId)
      expect(named?.size).toBeGreaterThan(850)
      // Every epoch in the id was active later than those that it leaves out.
      expect([named?.has(`p${1_000 + count - 1}`), named?.has('p1000')]).toEqual([true, false])
      expect(named?.has(pod.incarnation.log.epoch)).toBe(true)
      pod.send('a', 'meanwhile')
      const again = await visit(pod, lastEventId)
      expect(again.gaps.map(({ data }) => data)).toEqual(['{"reason":"trimmed"}'])
      // No event comes twice.
      expect(again.messages).toEqual(['meanwhile'])
    },
  )

  it('stays within any limit while clients read live events', async () => {
    const pod = new Listening({ maxLastEventIdBytes: 64 })
    const client = pod.connect('a')
    await settle()
    for (let i = 0; i < 50; i += 1) {
      pod.append({ stream: 'a', msg: `${i}` }, `p${1_000 + i}`)
      await pod.clock.advance(10)
    }
    await pod.clock.advance(15_000)
    expect(client.messages).toHaveLength(50)
    for (const { id = '' } of client.all) {
      expect(id.length).toBeLessThanOrEqual(64)
      expect(parsePosition(id, 64)).toBeDefined()
    }
  })
})
