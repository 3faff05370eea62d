import { expect, it } from 'vitest'
import { RunHandover } from '../../src/runs/run-handover.ts'
import type { Answers, AskedPeer, RunRequests } from '../../src/runs/run-requests.ts'
import type { RunSummary } from '../../src/wire/run-messages.ts'
import { VirtualClock } from '../support/clock.ts'
import { newRuns } from '../support/run-peers.ts'

/** A Pod with an ended run of two chunks, which stops. Each request is answered by the next of `answers`, or by the last one. */
async function handOver({ answers, isLeaving }: { answers: Answers[]; isLeaving: readonly string[] }) {
  const clock = new VirtualClock()
  const { runs } = newRuns()
  const run = await runs.start('chat', false)
  run.write('a')
  run.write('b')
  run.end()
  let asked = 0
  const nextAnswer = () => answers[Math.min(asked, answers.length - 1)] as Answers
  const requests = {
    reachable: () => nextAnswer().answers.map(({ peer }) => peer),
    async sendToAll() {
      const answer = nextAnswer()
      asked += 1
      return answer
    },
  } as unknown as RunRequests
  const handover = new RunHandover({
    clock,
    copies: runs.copies,
    requests,
    isLeaving: (epoch) => isLeaving.includes(epoch),
    hasHolders: true,
    signal: new AbortController().signal,
  })
  let isDone = false
  void handover.run(5_000).then(() => {
    isDone = true
  })
  return { clock, handover, isDone: () => isDone, asked: () => asked }
}

/** An answer of the Pod with this epoch, which has the first `next` chunks of the run. */
function answerOf(epoch: string, next: number): Answers['answers'][number] {
  const end = { state: 'ended', reason: undefined, chunks: 2 } as const
  const run = { id: 'ownOO:1', first: 0, next, end } as RunSummary
  return { peer: { epoch } as AskedPeer, answer: { epoch, runs: [run], parts: [], cancel: undefined } }
}

const NONE: Answers = { answers: [], isComplete: false }

it('a Pod that stops waits until another Pod has each chunk that it holds', async () => {
  const answers = [answerOf('peerA', 1), answerOf('peerA', 2)].map((answer) => ({
    answers: [answer],
    isComplete: true,
  }))
  const { clock, isDone, handover } = await handOver({ answers, isLeaving: [] })
  await clock.advance(50)
  expect([isDone(), handover.left]).toEqual([false, 1])
  await clock.advance(100)
  expect([isDone(), handover.left]).toEqual([true, 0])
})

it('a Pod that stops waits for no peer that drains as well', async () => {
  const answers = [{ answers: [answerOf('peerA', 2)], isComplete: true }]
  const { clock, isDone, asked } = await handOver({ answers, isLeaving: ['peerA'] })
  await clock.advance(50)
  expect([isDone(), asked()]).toEqual([true, 1])
})

it('a Pod that stops waits for the process that takes the place of a peer that drained', async () => {
  const answers = [NONE, { answers: [answerOf('peerB', 2)], isComplete: true }]
  const { clock, isDone, handover } = await handOver({ answers, isLeaving: ['peerA'] })
  await clock.advance(50)
  expect(isDone()).toBe(false)
  await clock.advance(100)
  expect([isDone(), handover.left]).toEqual([true, 0])
})
