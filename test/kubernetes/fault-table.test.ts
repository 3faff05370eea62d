import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rows } from './rows/rows.ts'
import { type Outcome, runRow } from './rows/run.ts'

const BUN = fileURLToPath(new URL('../../node_modules/.bin/bun', import.meta.url))
const PROGRAM = fileURLToPath(new URL('./rows/run.ts', import.meta.url))
/** One row takes less than a second; all of them are run by one process, and the last one waits for all. */
const ALL_ROWS_MS = 120_000

describe('KubernetesPeerFinder on Node:', () => {
  it.each(rows)('$behaviour', runRow)
})

describe('KubernetesPeerFinder on Bun:', () => {
  const outcomes = new Map<string, PromiseWithResolvers<Outcome>>(
    rows.map(({ behaviour }) => [behaviour, Promise.withResolvers<Outcome>()]),
  )
  let program: ChildProcess

  beforeAll(() => {
    program = spawn(BUN, [PROGRAM], { stdio: ['ignore', 'pipe', 'inherit'] })
    const lines = createInterface({ input: program.stdout as NodeJS.ReadableStream })
    lines.on('line', (line) => {
      const outcome = JSON.parse(line) as Outcome
      outcomes.get(outcome.behaviour)?.resolve(outcome)
    })
    lines.on('close', () => {
      for (const [behaviour, { resolve }] of outcomes) resolve({ behaviour, error: 'Bun ended before it' })
    })
  })
  afterAll(() => program.kill('SIGKILL'))

  it.each(rows)(
    '$behaviour',
    async ({ behaviour }) => {
      expect(await outcomes.get(behaviour)?.promise).toEqual({ behaviour })
    },
    ALL_ROWS_MS,
  )
})
