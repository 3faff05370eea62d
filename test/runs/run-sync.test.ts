import { expect, it } from 'vitest'
import type { RunRequests } from '../../src/runs/run-requests.ts'
import { RunSync } from '../../src/runs/run-sync.ts'
import type { RunSummary } from '../../src/wire/run-messages.ts'
import { VirtualClock } from '../support/clock.ts'

it('ends where a peer invents runs without end', async () => {
  const clock = new VirtualClock()
  let answers = 0
  const requests = {
    reachable: () => [{ epoch: 'peer1' }],
    send: async () => {
      answers += 1
      const runs = Array.from({ length: 1_000 }, (_, i) => ({ id: `peer1:${answers * 1_000 + i}` }))
      return { epoch: 'peer1', runs: runs as RunSummary[], parts: [] }
    },
  }
  const sync = new RunSync({ clock, requests: requests as unknown as RunRequests, learn: () => {} })
  sync.tryNow()
  await clock.advance(1)
  await clock.until('the peer is asked no more', () => sync.isDone)
  await clock.advance(10_000)
  expect([answers, sync.isDone]).toEqual([1_000, true])
  sync.stop()
})
