import { expect, it } from 'vitest'
import { RunCancels } from '../../src/runs/run-cancels.ts'
import type { CancelOutcome } from '../../src/runs/run-peers.ts'
import { VirtualClock } from '../support/clock.ts'

it('ask the producer once at a time, and fill no log, however often clients cancel a run', async () => {
  const clock = new VirtualClock()
  const asked: string[] = []
  const appended: string[] = []
  let outcome: CancelOutcome = 'unreachable'
  const cancels = new RunCancels({
    clock,
    ask: async (id) => {
      asked.push(id)
      return outcome
    },
    append: (id) => appended.push(id),
  })
  const flood = async () =>
    new Set(await Promise.all(Array.from({ length: 1_000 }, () => cancels.cancel('aaaaa:1'))))
  expect(await flood()).toEqual(new Set(['unreachable']))
  for (let i = 0; i < 100; i += 1) await cancels.cancel('aaaaa:1')
  await cancels.cancel('bbbbb:1')
  expect([asked.length, appended]).toEqual([102, ['aaaaa:1', 'bbbbb:1']])
  await clock.advance(10_000)
  await flood()
  expect(appended).toEqual(['aaaaa:1', 'bbbbb:1', 'aaaaa:1'])
  outcome = 'cancelled'
  expect(await flood()).toEqual(new Set(['cancelled']))
  expect(asked).toHaveLength(104)
})
