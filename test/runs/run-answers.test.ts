import { expect, it } from 'vitest'
import { RunAnswers, type RunAnswersOptions } from '../../src/runs/run-answers.ts'
import { VirtualClock } from '../support/clock.ts'

/** What a Pod with the chunks before `next` tells of a run of three chunks, which has ended. */
function told(next: number) {
  const clock = new VirtualClock()
  const record = {
    id: 'peerA:1',
    epoch: 'peerA',
    name: 'chat',
    startedAt: 0,
    end: { state: 'ended', chunks: 3 },
  }
  const answers = new RunAnswers({
    clock,
    ownEpoch: () => 'ownOO',
    directory: { get: () => record },
    copies: { get: () => ({ first: 0, next }) },
    silence: () => 1_000,
    goneAge: () => undefined,
  } as unknown as RunAnswersOptions)
  const none = { names: [], after: undefined, want: [], cancel: undefined, leaving: false }
  return answers.answer({ epoch: 'peerB', ids: ['peerA:1'], ...none }).runs[0]
}

it('tells whether it hears the producer of an ended run of which it lacks chunks, because the other Pod waits for them', () => {
  expect(told(2)?.silence).toBe(1_000)
  expect(told(3)?.silence).toBeUndefined()
})
