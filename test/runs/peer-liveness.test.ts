import { expect, it } from 'vitest'
import { PeerLiveness, type PeerLivenessOptions } from '../../src/runs/peer-liveness.ts'

it('hears a Pod for three intervals of no-op entries after its last entry, here or at a peer', () => {
  const log = {
    epoch: 'ownOO',
    epochs: new Map([['peerA', { lastActive: 100_000 }]]),
    timing: { noopIntervalMs: 5_000 },
  }
  const liveness = new PeerLiveness({
    log,
    links: () => new Map(),
    sessions: new Set(),
  } as unknown as PeerLivenessOptions)
  expect(liveness.stateOf('peerA', 115_000)).toMatchObject({ state: 'connected' })
  expect(liveness.stateOf('peerA', 115_001)).toMatchObject({ state: 'silent' })
  expect(liveness.stateOf('peerB', 115_001)).toMatchObject({ state: 'unknown' })
  expect(liveness.isSilent(15_000)).toBe(false)
  expect(liveness.isSilent(15_001)).toBe(true)
})
