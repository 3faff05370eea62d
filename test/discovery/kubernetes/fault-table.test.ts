import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { tables } from './rows/rows.ts'
import type { Outcome } from './rows/run.ts'

const BUN = fileURLToPath(new URL('../../../node_modules/.bin/bun', import.meta.url))
const PROGRAM = fileURLToPath(new URL('./rows/run.ts', import.meta.url))
/** One process runs all rows in sequence, so the last one waits for all before it. */
const ALL_ROWS_MS = 120_000

const behaviours = Object.values(tables).flatMap((rows) => rows.map(({ behaviour }) => behaviour))
const outcomes = new Map(behaviours.map((behaviour) => [behaviour, Promise.withResolvers<Outcome>()]))
// Started here, because the rows mostly wait: so those on Bun run beside those on Node.
const program = spawn(BUN, [PROGRAM], { stdio: ['ignore', 'pipe', 'inherit'] })
const lines = createInterface({ input: program.stdout })
lines.on('line', (line) => {
  const outcome = JSON.parse(line) as Outcome
  outcomes.get(outcome.behaviour)?.resolve(outcome)
})
lines.on('close', () => {
  for (const [behaviour, { resolve }] of outcomes) resolve({ behaviour, error: 'Bun ended before it' })
})

afterAll(() => {
  program.kill('SIGKILL')
})

describe.each(Object.entries(tables))('%s, on Node:', (_, rows) => {
  it.each(rows)('$behaviour', ({ run }) => run())
})

describe('On Bun:', () => {
  describe.each(Object.entries(tables))('%s:', (_, rows) => {
    it.each(rows)(
      '$behaviour',
      async ({ behaviour }) => {
        expect(await outcomes.get(behaviour)?.promise).toEqual({ behaviour })
      },
      ALL_ROWS_MS,
    )
  })
})
