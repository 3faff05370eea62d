import { expect, it } from 'vitest'
import type { Log } from '../../src/log/log.ts'
import { timing } from '../../src/log/timing.ts'
import type { PeerLink } from '../../src/replication/peer-status.ts'
import { PeerLiveness } from '../../src/runs/peer-liveness.ts'
import type { RunSessions } from '../../src/runs/run-session.ts'

it('counts an answer of a Pod as a sign of life, like an entry', () => {
  const link = { target: { host: 'a:7147' }, state: 'connected', peer: { epoch: 'aaaaa' } } as PeerLink
  const liveness = new PeerLiveness({
    log: {
      epoch: 'bbbbb',
      epochs: new Map([['aaaaa', { lastActive: 1_000 }]]),
      timing: timing(300_000),
    } as unknown as Log,
    links: () => new Map([['a:7147', link]]),
    sessions: { has: () => false } as unknown as RunSessions,
  })
  liveness.update(1_000)
  expect(liveness.stateOf('aaaaa', 60_000)).toEqual({ state: 'silent', since: 1_000 })
  liveness.onAnswer('aaaaa', 59_000)
  expect(liveness.stateOf('aaaaa', 60_000)).toEqual({ state: 'connected' })
  expect(liveness.stateOf('aaaaa', 90_000)).toEqual({ state: 'silent', since: 59_000 })
})
