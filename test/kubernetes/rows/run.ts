import { describe } from '../../../src/errors.ts'
import { World } from '../world.ts'
import type { Row } from './row.ts'
import { rows } from './rows.ts'

/** What became of one row. */
export interface Outcome {
  behaviour: string
  /** Why it failed, if it did. */
  error?: string
}

/** Runs one row in a world of its own. */
export async function runRow({ options, run }: Row): Promise<void> {
  const world = await World.create(options)
  try {
    await run(world)
  } finally {
    await world.end()
  }
}

// As a program, runs every row, and writes an outcome to each line.
if (import.meta.main) {
  for (const row of rows) {
    const outcome: Outcome = { behaviour: row.behaviour }
    await runRow(row).catch((error: unknown) => {
      outcome.error = error instanceof Error ? (error.stack ?? describe(error)) : String(error)
    })
    console.log(JSON.stringify(outcome))
  }
}
