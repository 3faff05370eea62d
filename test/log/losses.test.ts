import { describe, expect, it } from 'vitest'
import { Losses } from '../../src/log/losses.ts'
import { timing } from '../../src/log/timing.ts'

const TIMES = timing(1_000)
const { v1GapMs } = TIMES

describe('the losses of a log', () => {
  it('give no reason for a gap before the first one', () => {
    const losses = new Losses(TIMES)
    expect(losses.gapReason(0)).toBeUndefined()
    expect(losses.ageMs(0)).toBeUndefined()
  })

  it('give the reason legacy-peer until v1GapMs after the last event of a Go Pod', () => {
    const losses = new Losses(TIMES)
    losses.onV1Event(50)
    losses.onV1Event(40)
    expect(losses.gapReason(50 + v1GapMs)).toBe('legacy-peer')
    expect(losses.gapReason(51 + v1GapMs)).toBeUndefined()
    expect(losses.ageMs(60)).toBe(10)
  })

  it('give the reason peer-loss until v1GapMs after the last refusal', () => {
    const losses = new Losses(TIMES)
    losses.onRefusal(50)
    expect(losses.gapReason(50 + v1GapMs)).toBe('peer-loss')
    expect(losses.gapReason(51 + v1GapMs)).toBeUndefined()
    expect(losses.ageMs(60)).toBe(10)
  })

  it('name the Go Pod first, and tell the age of the later of the two', () => {
    const losses = new Losses(TIMES)
    losses.onV1Event(10)
    losses.onRefusal(30)
    expect(losses.gapReason(40)).toBe('legacy-peer')
    expect(losses.ageMs(40)).toBe(10)
    expect(losses.gapReason(20 + v1GapMs)).toBe('peer-loss')
  })
})
