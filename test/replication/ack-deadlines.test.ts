import { describe, expect, test } from 'vitest'
import { AckDeadlines } from '../../src/replication/ack-deadlines.ts'
import { VirtualClock } from '../support/clock.ts'

function begin() {
  const clock = new VirtualClock()
  const deadlines = new AckDeadlines(clock, 100)
  const expired: string[] = []
  return { clock, deadlines, expired, add: (name: string) => deadlines.add(() => expired.push(name)) }
}

describe('the deadlines of calls that wait for acknowledgements', () => {
  test('expire each at its own time, unless its call is over before', async () => {
    const { clock, deadlines, expired, add } = begin()
    add('first')
    await clock.advance(40)
    const second = add('second')
    await clock.advance(20)
    add('third')
    deadlines.remove(second)
    await clock.advance(39)
    expect(expired).toEqual([])
    await clock.advance(1)
    expect(expired).toEqual(['first'])
    await clock.advance(60)
    expect(expired).toEqual(['first', 'third'])
    add('fourth')
    await clock.advance(100)
    expect(expired).toEqual(['first', 'third', 'fourth'])
  })

  test('share one timer, and have none once they are stopped', async () => {
    const { clock, deadlines, add } = begin()
    let timers = 0
    const after = clock.after.bind(clock)
    clock.after = (ms, callback) => {
      timers += 1
      return after(ms, callback)
    }
    for (let i = 0; i < 1_000; i += 1) {
      deadlines.remove(add(`${i}`))
      await clock.advance(0.1)
    }
    expect(timers).toBeLessThanOrEqual(2)
    const late = add('late')
    deadlines.stop()
    await clock.advance(1_000)
    expect(late.expire).toBeDefined()
  })
})
