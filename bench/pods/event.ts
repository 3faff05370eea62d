import { plainMessage, SEED, seededRandom } from '../../test/support/messages.ts'

const FILLING = plainMessage(seededRandom(SEED), 10_000)

/** Stream of all events. */
export const STREAM = 'orders'

/** Unique text of event `i`. */
export function textOf(i: number, bytes: number): string {
  return `${i} ${FILLING.slice(0, Math.max(0, bytes - `${i} `.length))}`
}
