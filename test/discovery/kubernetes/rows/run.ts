import { tables } from './rows.ts'

/** What became of one row. */
export interface Outcome {
  behaviour: string
  /** Why it failed, if it did. */
  error?: string
}

// As a program, runs every row of every table, and writes an outcome to each line.
if (import.meta.main) {
  for (const { behaviour, run } of Object.values(tables).flat()) {
    const outcome: Outcome = { behaviour }
    await run().catch((error: unknown) => {
      outcome.error = error instanceof Error ? (error.stack ?? error.message) : String(error)
    })
    console.log(JSON.stringify(outcome))
  }
}
