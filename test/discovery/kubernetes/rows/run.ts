import { tables } from './rows.ts'

/** Result of one row. */
export interface Outcome {
  behaviour: string
  /** The error of a failed row. */
  error?: string
}

// As a program, runs every row of every table, and prints one outcome per line.
if (import.meta.main) {
  for (const { behaviour, run } of Object.values(tables).flat()) {
    const outcome: Outcome = { behaviour }
    await run().catch((error: unknown) => {
      outcome.error = error instanceof Error ? (error.stack ?? error.message) : String(error)
    })
    console.log(JSON.stringify(outcome))
  }
}
