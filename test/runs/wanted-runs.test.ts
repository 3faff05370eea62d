import { expect, it } from 'vitest'
import { RunWant } from '../../src/runs/run-want.ts'
import { WantedRuns } from '../../src/runs/wanted-runs.ts'
import type { RunId } from '../../src/wire/runs.ts'

it('names each wanted run once in a question, and begins the next question after the last one', () => {
  const wanted = new WantedRuns()
  for (const seq of [1, 2, 3]) {
    const want = new RunWant(`aaaaa:${seq}` as RunId)
    wanted.add(want)
    wanted.setOpen(want, true)
  }
  expect(wanted.due(0, 2)).toEqual(['aaaaa:1', 'aaaaa:2'])
  expect(wanted.due(0, 1_000)).toEqual(['aaaaa:3', 'aaaaa:1', 'aaaaa:2'])
})
