import { plainMessage, SEED, seededRandom } from '../../test/support/messages.ts'

const FILLING = plainMessage(seededRandom(SEED), 10_000)

/** The stream that everything is sent to. */
export const STREAM = 'orders'

/** The text of event `i`, which no other has. */
export function textOf(i: number, bytes: number): string {
  return `${i} ${FILLING.slice(0, Math.max(0, bytes - `${i} `.length))}`
}
