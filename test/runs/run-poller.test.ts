import { expect, it } from 'vitest'
import { RunPoller } from '../../src/runs/run-poller.ts'
import type { RunPuller } from '../../src/runs/run-puller.ts'
import type { AskedPeer, RunRequests } from '../../src/runs/run-requests.ts'
import { RunWant } from '../../src/runs/run-want.ts'
import { WantedRuns } from '../../src/runs/wanted-runs.ts'
import { VirtualClock } from '../support/clock.ts'

/** Whether the answers of these peers settle that no Pod has more of the run `aaaaa:1`. */
async function settles({
  answering,
  silence,
  heard = [],
  lost = [],
}: {
  answering: readonly string[]
  /** What the answers tell of the run. */
  silence?: number
  heard?: readonly string[]
  lost?: readonly string[]
}) {
  const clock = new VirtualClock()
  const wants = new WantedRuns()
  const want = new RunWant('aaaaa:1')
  wants.add(want)
  wants.setOpen(want, true)
  const settled = new Map<string, boolean>()
  const puller = {
    wants,
    generation: 3,
    onOffers(ids: readonly string[], _: unknown, generationOf: (id: string) => number | undefined) {
      for (const id of ids) {
        settled.set(id, generationOf(id) === 3)
        wants.setOpen(want, false)
      }
    },
  } as unknown as RunPuller
  const answers = answering.map((epoch) => ({
    peer: { epoch } as AskedPeer,
    answer: {
      epoch,
      runs:
        silence === undefined
          ? []
          : [{ id: 'aaaaa:1', name: 'chat', age: 60_000, silence, first: 0, next: 0 }],
      parts: [],
      cancel: undefined,
    },
  }))
  const poller = new RunPoller({
    clock,
    puller,
    requests: { sendToAny: async () => ({ answers, isComplete: true }) } as unknown as RunRequests,
    copy: () => undefined,
    isHeard: (epoch) => heard.includes(epoch),
    isSilent: (ms) => ms > 15_000,
    isLost: (epoch) => lost.includes(epoch),
    learn() {},
  })
  poller.wake()
  await clock.advance(1_000)
  poller.stop()
  return settled.get('aaaaa:1')
}

it('no Pod has more of a run once all that can be reached have answered', async () => {
  expect(await settles({ answering: ['bbbbb'] })).toBe(true)
})

it('a producer that is heard must have answered as well', async () => {
  expect(await settles({ answering: ['bbbbb'], heard: ['aaaaa', 'bbbbb'] })).toBe(false)
  expect(await settles({ answering: ['aaaaa', 'bbbbb'], heard: ['aaaaa', 'bbbbb'] })).toBe(true)
})

it('a producer that a peer hears must have answered as well', async () => {
  expect(await settles({ answering: ['bbbbb'], silence: 1_000 })).toBe(false)
  expect(await settles({ answering: ['aaaaa', 'bbbbb'], silence: 1_000 })).toBe(true)
  expect(await settles({ answering: ['bbbbb'], silence: 1_000, lost: ['aaaaa'] })).toBe(true)
  expect(await settles({ answering: ['bbbbb'], silence: 20_000 })).toBe(true)
})

it('a Pod that reaches no other one judges only a lost run', async () => {
  expect(await settles({ answering: [] })).toBe(false)
  expect(await settles({ answering: [], lost: ['aaaaa'] })).toBe(true)
})
