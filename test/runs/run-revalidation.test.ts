import { expect, it } from 'vitest'
import { RunAnswers, type RunAnswersOptions } from '../../src/runs/run-answers.ts'
import { RunDirectory } from '../../src/runs/run-directory.ts'
import type { AskedPeer } from '../../src/runs/run-requests.ts'
import { RunRevalidation } from '../../src/runs/run-revalidation.ts'
import type { RunSummary, RunsRequest } from '../../src/wire/run-messages.ts'
import { VirtualClock } from '../support/clock.ts'

/** A Pod that knows two running runs of the epoch `peerA`, whose Pod answers with `known`. */
function setup(known: readonly Partial<RunSummary>[] | undefined) {
  const clock = new VirtualClock()
  const ignore = () => {}
  const directory = new RunDirectory({
    maxRecords: 100,
    retainMs: 20_000,
    ownEpoch: () => 'ownOO',
    isHeard: () => true,
    onCancel: ignore,
    onRefuse: ignore,
    onConflict: ignore,
    onRemove: ignore,
  })
  const asked: (readonly string[] | undefined)[] = []
  const learned: string[] = []
  const abort = new AbortController()
  new RunRevalidation({
    clock,
    directory,
    requests: {
      reachable: () => [{ epoch: 'peerA' } as AskedPeer],
      async send(_, { ids }) {
        asked.push(ids)
        return known && { epoch: 'peerA', runs: known as RunSummary[], parts: [], cancel: undefined }
      },
    },
    learn: (runs) => {
      for (const { id, end } of runs) {
        learned.push(id)
        if (end !== undefined) directory.setEnd(id, end, clock.now())
      }
    },
    signal: abort.signal,
  }).start()
  for (const seq of [1, 2]) directory.onHeader('peerA', seq, { start: `chat${seq}` }, clock.now())
  return { clock, directory, asked, learned, abort }
}

const END = { state: 'ended', reason: undefined, chunks: 3 } as const

it('a run that its producer’s Pod does not know any more is over', async () => {
  const { clock, directory, asked } = setup([{ id: 'peerA:1' }])
  await clock.advance(10_000)
  expect(asked).toEqual([['peerA:1', 'peerA:2']])
  expect(directory.get('peerA:1')?.isForgotten).toBe(false)
  expect(directory.get('peerA:2')?.isForgotten).toBe(true)
  await clock.advance(10_000)
  expect(asked[1]).toEqual(['peerA:1'])
})

it('other Pods are not told of a run that its producer has forgotten, by name or in a list', async () => {
  const { clock, directory } = setup([{ id: 'peerA:1' }])
  const nothing = () => undefined
  const options = { directory, clock, copies: { get: nothing }, silence: nothing, goneAge: nothing }
  const answers = new RunAnswers({ ownEpoch: () => 'ownOO', ...options } as unknown as RunAnswersOptions)
  const told = (question: Partial<RunsRequest>) => {
    const none = { names: [], ids: [], after: undefined, want: [], cancel: undefined, leaving: false }
    return answers.answer({ epoch: 'peerB', ...none, ...question }).runs.map(({ id }) => id)
  }
  expect(told({ names: ['chat1', 'chat2'] })).toEqual(['peerA:1', 'peerA:2'])
  await clock.advance(10_000)
  expect(told({ names: ['chat1', 'chat2'] })).toEqual(['peerA:1'])
  expect(told({ after: '' })).toEqual(['peerA:1'])
})

it('the producer’s Pod tells an end whose header was lost', async () => {
  const { clock, directory, asked } = setup([
    { id: 'peerA:1', end: END },
    { id: 'peerA:2', end: END },
  ])
  await clock.advance(30_000)
  expect(directory.get('peerA:1')?.end).toEqual(END)
  // Nothing runs any more, so nothing is asked for.
  expect(asked).toHaveLength(1)
})

it('a Pod that does not answer has forgotten nothing', async () => {
  const { clock, directory, asked } = setup(undefined)
  await clock.advance(20_000)
  expect(asked).toHaveLength(2)
  expect(directory.get('peerA:1')?.isForgotten).toBe(false)
})

it('no producer’s Pod is asked after the stop', async () => {
  const { clock, asked, abort } = setup([])
  abort.abort()
  await clock.advance(30_000)
  expect(asked).toEqual([])
})
