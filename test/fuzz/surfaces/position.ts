import { formatPosition, type PositionEntry, parsePosition } from '../../../src/wire/position.ts'
import { type Surface, textOf } from '../surface.ts'
import { ID_WORDS, IDS, UNCHECKED_IDS, withCheck } from '../words.ts'

/** A client's id, read by itself. */
export const position: Surface<Map<string, PositionEntry> | undefined> = {
  name: 'position',
  corpus: [...UNCHECKED_IDS, ...IDS],
  words: ID_WORDS,
  run: (input) => parsePosition(withCheck(textOf(input))),
  invariant(claims, input) {
    if (claims === undefined) return undefined
    if (withCheck(textOf(input)).length > 4_096) return 'read, although it is too long'
    const seqs = Array.from(claims, ([epoch, { seq }]) => [epoch, seq] as const)
    const carried = new Map<string, number>()
    for (const [epoch, { carriedMs }] of claims) if (carriedMs !== undefined) carried.set(epoch, carriedMs)
    const again = parsePosition(formatPosition(seqs, carried))
    if (JSON.stringify([...(again ?? [])]) !== JSON.stringify([...claims])) return 'printed, it is another'
    return seqs.every(([, seq]) => Number.isSafeInteger(seq) && seq > 0) ? undefined : 'a seq that is none'
  },
}
