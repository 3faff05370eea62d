import { seededRandom } from '../../test/support/messages.ts'

/** One run of the load: its name, and a seed, from which both sides know its chunks. */
export interface RunPlan {
  name: string
  seed: number
}

export const CHUNKS_PER_SECOND = 30
const LETTERS = 'abcdefghijklmnopqrstuvwxyz      '

/** The chunks of a run: 4 to 20 letters each, as tokens of a model are. */
export function chunksOf({ seed }: RunPlan, count: number): string[] {
  const random = seededRandom(seed)
  return Array.from({ length: count }, () => {
    const length = 4 + Math.floor(random() * 17)
    return Array.from({ length }, () => LETTERS[Math.floor(random() * LETTERS.length)]).join('')
  })
}

/** Time on the clock that all processes of the machine share, in milliseconds. */
export function now(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1_000 + nanoseconds / 1e6
}
