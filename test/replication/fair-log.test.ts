import { expect, it } from 'vitest'
import { Fleet, type Pod } from '../support/fleet.ts'

const QUIET = 200
const HOP = 2
const CUT_OFF = 1
const LATE = 3

it('resumes clients of 200 quiet streams after a minute without a gap, beside a busy stream, on every Pod', async () => {
  const fleet = await Fleet.of(4, { logMaxBytes: 1_048_576 })
  const { clock } = fleet
  const sender = fleet.pod(0).sser
  // Pod 2 gets the events of Pod 0 by the others alone.
  fleet.cut(0, HOP)
  const id = sender.position
  const sent = new Map<string, string[]>()
  let n = 0
  const send = async (seconds: number) => {
    for (let step = 0; step < seconds * 2; step += 1) {
      for (let i = 0; i < 40; i += 1) void sender.send('busy', 'x'.repeat(600))
      for (let i = 0; i < 5; i += 1, n += 1) {
        const stream = `quiet${n % QUIET}`
        void sender.send(stream, `${n}`)
        sent.set(stream, [...(sent.get(stream) ?? []), `${n}`])
      }
      await clock.advance(500)
    }
  }
  await send(10)
  // Meanwhile the others evict some thousand events that Pod 1 lacks.
  for (const other of [0, HOP, LATE]) fleet.cut(CUT_OFF, other)
  await send(25)
  fleet.heal()
  fleet.cut(0, HOP)
  fleet.replace(LATE)
  await fleet.start(fleet.pod(LATE))
  await send(25)
  await clock.advance(30_000)
  const resume = async (pod: Pod, stream: string) => {
    const client = pod.open([stream], id).flow()
    await clock.advance(0)
    await client.cancel()
    return { gaps: client.gaps.length, messages: client.messages }
  }
  for (const [index, pod] of fleet.pods.entries()) {
    for (let i = 0; i < QUIET; i += 67) {
      const stream = `quiet${i}`
      expect(await resume(pod, stream), `${stream} on Pod ${index}`).toEqual({
        gaps: 0,
        messages: sent.get(stream),
      })
    }
    expect((await resume(pod, 'busy')).gaps).toBe(1)
  }
  await fleet.stop()
})
