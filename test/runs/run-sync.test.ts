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

it('asks the Pod whose entries are missing, again until it answers, and one peer where it cannot be reached', async () => {
  const clock = new VirtualClock()
  const asked: string[] = []
  let isDeaf = false
  const requests = {
    reachable: () => [{ epoch: 'peer1' }, { epoch: 'peer2' }, { epoch: 'peer3' }],
    send: async ({ epoch }: { epoch: string }) => {
      asked.push(epoch)
      return isDeaf ? undefined : { epoch, runs: [], parts: [] }
    },
  }
  const sync = new RunSync({ clock, requests: requests as unknown as RunRequests, learn: () => {} })
  sync.tryNow()
  await clock.until('the initial sync', () => sync.isDone)
  expect(asked.splice(0)).toHaveLength(1)
  isDeaf = true
  sync.require('peer2')
  await clock.until('the peer was asked twice', () => asked.length === 2)
  isDeaf = false
  await clock.until('the peer has answered', () => sync.isDone)
  expect(asked.splice(0)).toEqual(['peer2', 'peer2', 'peer2'])
  sync.require('gone1')
  await clock.until('a peer has answered', () => sync.isDone)
  expect(asked).toHaveLength(1)
  sync.stop()
})

it('asks the Pod whose entries are missing once it can be reached, unless it has gone', async () => {
  const clock = new VirtualClock()
  const asked: string[] = []
  const epochs = ['peer1']
  const requests = {
    reachable: () => epochs.map((epoch) => ({ epoch })),
    send: async ({ epoch }: { epoch: string }) => {
      asked.push(epoch)
      return { epoch, runs: [], parts: [] }
    },
  }
  const sync = new RunSync({ clock, requests: requests as unknown as RunRequests, learn: () => {} })
  sync.require('peer2')
  sync.require('gone1')
  await clock.until('another one has answered', () => sync.isDone)
  expect(asked.splice(0)).toEqual(['peer1'])
  sync.forget((epoch) => epoch === 'gone1')
  epochs.push('peer2', 'gone1')
  sync.tryNow()
  await clock.advance(2_000)
  sync.tryNow()
  await clock.advance(2_000)
  expect(asked).toEqual(['peer2'])
  sync.stop()
})
