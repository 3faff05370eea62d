import { describe, expect, it } from 'vitest'
import { Replays } from '../../src/transport/replays.ts'

describe('senders of numbers', () => {
  it('are forgotten when they have been silent for long enough, and not before', () => {
    const replays = new Replays(60_000)
    for (let at = 0; at <= 200_000; at += 1_000) replays.isFirst(`sender ${at}`, 1, at)
    expect(replays.size).toBe(61)
    expect(replays.isFirst('sender 140000', 1, 200_000)).toBe(false)
    expect(replays.isFirst('sender 139000', 1, 200_000)).toBe(true)
  })

  it('that go on are remembered, however old their first word is', () => {
    const replays = new Replays(60_000)
    for (let number = 1; number <= 200; number += 1) {
      expect(replays.isFirst('long known', number, number * 1_000)).toBe(true)
      replays.isFirst(`sender ${number}`, 1, number * 1_000)
    }
    expect(replays.isFirst('long known', 200, 200_000)).toBe(false)
    expect(replays.isFirst('long known', 1, 200_000)).toBe(false)
  })
})
