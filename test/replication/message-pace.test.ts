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
  test('with sections leave two at once, and later ones every 5 ms', async () => {
    const { clock, due, pace } = paced()
    for (const ms of [0, 1]) {
      expect(pace.holdsSections(clock.now())).toBe(false)
      pace.onWritten(clock.now(), true)
      if (ms === 0) await clock.advance(1)
    }
    expect(pace.holdsSections(clock.now())).toBe(true)
    await clock.advance(3)
    expect(due).toEqual([])
    await clock.advance(1)
    expect(due).toEqual([5])
    expect(pace.holdsSections(clock.now())).toBe(false)
  })

  test('with entries do not wait until sections are due', async () => {
    const { clock, due, pace } = paced()
    for (let i = 0; i < 2; i += 1) {
      pace.onWritten(clock.now(), true)
      await clock.advance(1)
    }
    expect(pace.holdsSections(clock.now())).toBe(true)
    for (let i = 0; i < 2; i += 1) {
      pace.onWritten(clock.now(), false)
      await clock.advance(0.25)
    }
    expect(pace.holdsEntries(clock.now())).toBe(true)
    await clock.advance(1)
    expect(due).toEqual([3.5])
  })
})
