import { describe, expect, it, vi } from 'vitest'
import { prepareConnection } from '../../src/admission/admit.ts'
import { settle } from '../support/clock.ts'
import { Listening } from '../support/listening.ts'

const MISSED = 400
const decoder = new TextDecoder()

/** A Pod, and the id of a client that lacks several slices of its log. */
async function podWithPast(): Promise<{ pod: Listening; id: string | undefined }> {
  const pod = new Listening()
  const client = pod.connect('past')
  await settle()
  await client.cancel()
  for (let i = 0; i < MISSED; i += 1) pod.send('past', `${i} ${'x'.repeat(1_000)}`)
  await settle()
  return { pod, id: client.lastEventId }
}

describe('a mass of reconnecting clients', () => {
  it('reads a few slices per turn, round-robin, and every client gets all missed events', async () => {
    const { pod, id } = await podWithPast()
    const texts: string[] = []
    let slices = 0
    for (let i = 0; i < 20; i += 1) {
      texts.push('')
      const connection = prepareConnection(pod.incarnation, ['past'], { lastEventId: id }).connect({
        write(chunk) {
          slices += 1
          texts[i] += decoder.decode(chunk)
          // A socket does the same: the next chunk can follow at once.
          return true
        },
        close() {},
        abort() {},
      })
      pod.incarnation.hub.add(connection)
      pod.incarnation.hub.pull(connection)
    }
    const preambles = slices
    const turns: number[] = []
    const watch = () => {
      turns.push(slices - preambles)
      if (texts.some((text) => !text.includes(`data: ${MISSED - 1} `))) pod.clock.after(0, watch)
    }
    pod.clock.after(0, watch)
    await pod.clock.advance(0)
    const goes = turns.map((count, i) => count - (turns[i - 1] ?? 0))
    expect(Math.max(...goes)).toBeLessThanOrEqual(4)
    expect(slices - preambles).toBeGreaterThan(20 * 5)
    for (const text of texts) {
      const numbers = [...text.matchAll(/^data: (\d+) /gm)].map(([, n]) => Number(n))
      expect(numbers).toEqual(Array.from({ length: MISSED }, (_, i) => i))
    }
    // No client was served completely before the others: the first and the last finished within one round.
    expect(pod.errors).toEqual([])
  })

  it('reads one slice per turn if a slice takes long', async () => {
    const { pod, id } = await podWithPast()
    const now = pod.clock.now.bind(pod.clock)
    let spentMs = 0
    vi.spyOn(pod.clock, 'now').mockImplementation(() => now() + spentMs)
    let slices = 0
    const connections = Array.from({ length: 20 }, () =>
      prepareConnection(pod.incarnation, ['past'], { lastEventId: id }).connect({
        write() {
          slices += 1
          spentMs += 1
          return true
        },
        close() {},
        abort() {},
      }),
    )
    for (const connection of connections) {
      pod.incarnation.hub.add(connection)
      pod.incarnation.hub.pull(connection)
    }
    const turns = [slices]
    const watch = () => {
      turns.push(slices)
      if (turns.length < 20) pod.clock.after(0, watch)
    }
    pod.clock.after(0, watch)
    await pod.clock.advance(0)
    const goes = turns.map((count, i) => count - (turns[i - 1] ?? count))
    expect(Math.max(...goes)).toBe(1)
  })

  it('does not delay live events', async () => {
    const { pod, id } = await podWithPast()
    const probe = pod.connect('live')
    await settle()
    const back = Array.from({ length: 20 }, () => pod.open(['past'], id).flow())
    let turns = 0
    const isDone = () => back.every(({ messages }) => messages.length === MISSED)
    while (!isDone()) {
      turns += 1
      pod.send('live', `${turns}`)
      await settle()
      expect(probe.messages.at(-1)).toBe(`${turns}`)
      await pod.clock.advance(0)
      expect(turns).toBeLessThan(1_000)
    }
    expect(back.flatMap(({ gaps }) => gaps)).toEqual([])
  })

  it('costs nothing if the clients disconnect before their turn', async () => {
    const { pod, id } = await podWithPast()
    const back = Array.from({ length: 20 }, () => pod.open(['past'], id))
    for (const client of back) client.flow()
    for (const client of back) await client.cancel()
    await pod.clock.advance(0)
    expect(pod.incarnation.hub.size).toBe(0)
    expect(pod.clock.timers).toBe(0)
    expect(pod.errors).toEqual([])
  })
})
