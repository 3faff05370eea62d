import { describe, expect, it } from 'vitest'
import { timing } from '../../src/log/timing.ts'
import { RunLiveness } from '../../src/runs/run-liveness.ts'
import { ALONE } from '../../src/runs/run-peers.ts'

/** A judge that knows nothing of any epoch, and its judgement of one at a time. */
function setup() {
  const liveness = new RunLiveness({ timing: timing(300_000), ownEpoch: () => 'own', peers: () => ALONE })
  return { liveness, at: (now: number) => liveness.of('other', now) }
}

describe('the producer of an epoch that this Pod knows nothing of', () => {
  it('is interrupted after three intervals and lost after 60 s, from the first question on', () => {
    const { at } = setup()
    expect([1_000, 15_999, 16_000, 60_999, 61_000].map(at)).toEqual([
      'alive',
      'alive',
      'interrupted',
      'interrupted',
      'lost',
    ])
  })

  it('is judged by the time for which a peer says that it is silent', () => {
    const { liveness, at } = setup()
    expect(at(50_000)).toBe('alive')
    liveness.onTold('other', 10_000)
    expect([at(50_000), at(70_000)]).toEqual(['interrupted', 'lost'])
  })

  it('is judged by the peer that has heard of it last', () => {
    const { liveness, at } = setup()
    liveness.onTold('other', 10_000)
    liveness.onTold('other', 69_000)
    liveness.onTold('other', 5_000)
    expect(at(70_000)).toBe('alive')
  })
})
