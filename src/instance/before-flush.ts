import { describe } from '../errors.ts'
import type { Logging } from '../telemetry/logging.ts'
import type { StopOptions } from './membership.ts'

/** Calls `beforeFlush` of `stop()`, which goes on also where that fails. */
export async function beforeFlushed(
  beforeFlush: StopOptions['beforeFlush'],
  logging: Logging,
): Promise<void> {
  try {
    await beforeFlush?.()
  } catch (error) {
    logging.warn(`beforeFlush failed, and the stop goes on: ${describe(error)}`)
  }
}
