import { formatPosition, PARTIAL_EPOCH } from '../../wire/position.ts'
import { type Seqs, seqsOf } from '../position.ts'

/** The seqs of a position; undefined where there is none. */
export function vectorOf(id: string | undefined): Seqs | undefined {
  return id === undefined ? undefined : seqsOf(id)
}

/** Returns whether a client at `vector` has all that a client at `other` has. */
export function covers(vector: Seqs, other: Seqs): boolean {
  for (const [epoch, seq] of other) if ((vector.get(epoch) ?? 0) < seq) return false
  return true
}

/** The position of a client that has all that either has. */
export function union(one: Seqs, other: Seqs): Seqs {
  const result = new Map(one)
  for (const [epoch, seq] of other) result.set(epoch, Math.max(seq, result.get(epoch) ?? 0))
  return result
}

/** The position of a client that has what both have. */
export function intersection(one: Seqs, other: Seqs): Seqs {
  const result = new Map<string, number>()
  for (const [epoch, seq] of one) {
    const least = Math.min(seq, other.get(epoch) ?? 0)
    if (least > 0) result.set(epoch, least)
  }
  // A partial id leaves out epochs of which its client has events.
  if (one.has(PARTIAL_EPOCH) || other.has(PARTIAL_EPOCH)) result.set(PARTIAL_EPOCH, 1)
  return result
}

export function idOf(vector: Seqs): string {
  return formatPosition(vector)
}
