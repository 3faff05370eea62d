import { describe, expect, test } from 'vitest'
import { MessagePace } from '../../src/replication/message-pace.ts'
import { VirtualClock } from '../support/clock.ts'

function paced() {
  const clock = new VirtualClock()
  const due: number[] = []
  const begin = clock.now()
  const pace = new MessagePace(clock, () => due.push(clock.now() - begin))
  return { clock, due, pace }
}

describe('the messages of an exchange', () => {
  test('with sections leave two at once, and later ones every millisecond', async () => {
    const { clock, due, pace } = paced()
    for (let i = 0; i < 2; i += 1) {
      expect(pace.holdsSections(clock.now())).toBe(false)
      pace.onWritten(clock.now(), true)
      await clock.advance(0.25)
    }
    expect(pace.holdsSections(clock.now())).toBe(true)
    await clock.advance(0.25)
    expect(due).toEqual([])
    await clock.advance(0.25)
    expect(due).toEqual([1])
    expect(pace.holdsSections(clock.now())).toBe(false)
  })
})
