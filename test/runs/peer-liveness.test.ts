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
  expect(liveness.isHeard('peerA', 115_000)).toBe(true)
  expect(liveness.isHeard('peerA', 115_001)).toBe(false)
  expect(liveness.isHeard('peerA', 115_001, 15_001)).toBe(false)
  expect(liveness.isHeard('peerA', 115_001, 15_000)).toBe(true)
  expect(liveness.isHeard('peerB', 115_001)).toBe(false)
})
