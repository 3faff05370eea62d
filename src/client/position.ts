/** The seqs of a position, by epoch. */
export type Seqs = ReadonlyMap<string, number>

const EPOCH_LENGTH = 5

/** Reads a position of the server. An entry is an epoch of 5 characters and a seq in base 36; `~` begins its age. */
export function seqsOf(position: string): Seqs {
  return new Map(entriesOf(position).map(seqOf))
}

/** Returns whether a position contains the event with this id, whose last entry is the event's own. */
export function contains(position: Seqs, id: string): boolean {
  const [epoch, seq] = seqOf(entriesOf(id).at(-1) as string)
  return (position.get(epoch) ?? 0) >= seq
}

function entriesOf(position: string): string[] {
  return position.slice(0, position.lastIndexOf('-')).split('.')
}

function seqOf(entry: string): [epoch: string, seq: number] {
  // The parser of the number stops at the age.
  return [entry.slice(0, EPOCH_LENGTH), Number.parseInt(entry.slice(EPOCH_LENGTH), 36)]
}
