import { describe, expect, it } from 'vitest'
import { settle } from '../support/clock.ts'
import { Listening } from '../support/listening.ts'

describe('a body that is read by two reads at once', () => {
  it('receives every event, live and missed', async () => {
    const pod = new Listening()
    const past = pod.connect('a')
    await settle()
    const id = past.lastEventId
    await past.cancel()
    for (let i = 0; i < 100; i += 1) pod.send('a', `missed ${i} ${'x'.repeat(4_000)}`)
    await settle()
    for (const lastEventId of [id, undefined]) {
      const reader = pod.body(['a'], lastEventId).getReader()
      let text = ''
      const flow = async () => {
        for (;;) {
          const { done, value } = await reader.read()
          if (done) return
          text += new TextDecoder().decode(value)
        }
      }
      const flows = [flow(), flow()]
      await pod.clock.advance(100)
      for (let i = 0; i < 10; i += 1) {
        pod.send('a', `live ${i}`)
        await pod.clock.advance(0)
      }
      const numbers = (word: string) =>
        Array.from(text.matchAll(new RegExp(`^data: ${word} (\\d+)`, 'gm')), ([, n]) => Number(n))
      expect(numbers('live')).toEqual(Array.from({ length: 10 }, (_, i) => i))
      expect(numbers('missed')).toEqual(lastEventId ? Array.from({ length: 100 }, (_, i) => i) : [])
      expect(pod.incarnation.hub.outputs.bytes).toBe(0)
      await reader.cancel()
      await Promise.all(flows)
    }
    expect(pod.incarnation.hub.size).toBe(0)
  })
})
