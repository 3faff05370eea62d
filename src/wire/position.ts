/**
 * A position is a version vector: for each epoch, the highest seq up to which every entry was seen. As an SSE id it is
 * compact ASCII: `epoch` (5 base-62 characters) and `seq` (base 36), for a carried entry `~` and its age, entries joined
 * by dots, then a dash and a checksum of 3 characters, which detects foreign and altered ids.
 */
export type Position = ReadonlyMap<string, number>

/** A longer id is neither formatted nor parsed, because proxies such as nginx accept header lines and URLs of 8 KiB. */
export const MAX_POSITION_BYTES = 7_168
/** Reserved epoch: it marks a partial id, which leaves out epochs that its Pod knows. Older Pods carry it as unknown. */
export const PARTIAL_EPOCH = '00000'
/** The entry of that epoch. */
export const PARTIAL_ENTRY: string = `.${PARTIAL_EPOCH}1`
/** Maximum number of epochs that a Pod tracks. A header of 16 KiB cannot name more, so more of them are forged. */
export const MAX_EPOCHS = 2_048

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const EPOCH_LENGTH = 5
const EPOCH = /^[0-9A-Za-z]{5}$/
const ENTRY = /^([0-9A-Za-z]{5})([1-9a-z][0-9a-z]{0,10})(?:~([0-9a-z]{1,11}))?$/
const CHECKSUM_RANGE = ALPHABET.length ** 3

/** Returns a random epoch out of 62^5: two of a hundred Pods get the same one in one of 185,000 fleets. */
export function randomEpoch(random: () => number): string {
  let epoch = ''
  while (epoch.length < EPOCH_LENGTH) epoch += ALPHABET[Math.floor(random() * ALPHABET.length)]
  return epoch === PARTIAL_EPOCH ? '00001' : epoch
}

export function isEpoch(text: string): boolean {
  return EPOCH.test(text) && text !== PARTIAL_EPOCH
}

/** Returns whether `value` is a number of an entry, or of entries. */
export function isSeq(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** Entries that several ids begin with, formatted and hashed once. */
export interface IdPrefix {
  readonly text: string
  readonly hash: number
}

/** Formats the carried entries that `visit` passes to its argument, with their ages. */
export function formatEntries(
  visit: (add: (epoch: string, seq: number, carriedMs: number) => void) => void,
): IdPrefix {
  let text = ''
  visit((epoch, seq, carriedMs) => {
    text += `${text === '' ? '' : '.'}${formatEntry(epoch, seq, carriedMs)}`
  })
  return { text, hash: fnv1a(text) }
}

/**
 * Formats a position as an id. `carriedMs`: age of the carried entries, which the Pod's own log does not have. An id that
 * leaves out the epochs in `leftOut` is marked as partial. `prefix`: further entries, which the id begins with. `last`: the
 * epoch of the event that has the id, whose entry comes last, so that a client can tell which event the id is of.
 */
export function formatPosition(
  position: Iterable<readonly [string, number]>,
  carriedMs?: ReadonlyMap<string, number>,
  leftOut?: ReadonlySet<string>,
  prefix?: IdPrefix,
  last?: string,
): string {
  let text = ''
  let lastEntry = ''
  for (const [epoch, seq] of position) {
    if (leftOut?.has(epoch)) continue
    const entry = formatEntry(epoch, seq, carriedMs?.get(epoch))
    if (epoch === last) lastEntry = entry
    else text += text === '' ? entry : `.${entry}`
  }
  if (leftOut !== undefined) text += PARTIAL_ENTRY
  if (lastEntry !== '') text += text === '' ? lastEntry : `.${lastEntry}`
  if (prefix === undefined) return `${text}-${checksum(fnv1a(text))}`
  if (text !== '') text = `.${text}`
  return `${prefix.text}${text}-${checksum(fnv1a(text, prefix.hash))}`
}

/** The id of `position` up to the seq of the epoch `last`, whose entry comes last. */
export function formatIdPrefix(position: Iterable<readonly [string, number]>, last: string): IdPrefix {
  let text = ''
  for (const [epoch, seq] of position) if (epoch !== last) text += `${formatEntry(epoch, seq, undefined)}.`
  text += last
  return { text, hash: fnv1a(text) }
}

/** The id that begins with `prefix` and ends with a seq. */
export function formatIdAfter({ text, hash }: IdPrefix, seq: number): string {
  const digits = seq.toString(36)
  return `${text}${digits}-${checksum(fnv1a(digits, hash))}`
}

function formatEntry(epoch: string, seq: number, carriedMs: number | undefined): string {
  const entry = epoch + seq.toString(36)
  return carriedMs === undefined ? entry : `${entry}~${Math.round(carriedMs).toString(36)}`
}

/** Entry of an id for one epoch. */
export interface PositionEntry {
  seq: number
  /** Time for which Pods with less of the epoch have carried this entry. Undefined: not carried. */
  carriedMs: number | undefined
}

/** Parses an id; returns undefined where it is not an id of `sser`, or longer than `maxBytes`. */
export function parsePosition(
  id: string,
  maxBytes: number = MAX_POSITION_BYTES,
): Map<string, PositionEntry> | undefined {
  if (id.length > maxBytes) return undefined
  const dash = id.lastIndexOf('-')
  if (dash < 1 || checksum(fnv1a(id.slice(0, dash))) !== id.slice(dash + 1)) return undefined
  const position = new Map<string, PositionEntry>()
  for (const part of id.slice(0, dash).split('.')) {
    const [, epoch, digits, age] = ENTRY.exec(part) ?? []
    if (epoch === undefined || digits === undefined || position.has(epoch)) return undefined
    const seq = Number.parseInt(digits, 36)
    const carriedMs = age === undefined ? undefined : Number.parseInt(age, 36)
    if (!Number.isSafeInteger(seq) || !Number.isSafeInteger(carriedMs ?? 0)) return undefined
    position.set(epoch, { seq, carriedMs })
  }
  return position
}

/** The hash, reduced to 3 base-62 characters. */
function checksum(hash: number): string {
  let rest = (hash >>> 0) % CHECKSUM_RANGE
  let digits = ''
  for (let i = 0; i < 3; i += 1) {
    digits += ALPHABET[rest % 62]
    rest = Math.floor(rest / 62)
  }
  return digits
}

/**
 * FNV-1a hash of the text, by its UTF-16 units; `before` continues from the hash of the text before it.
 * @see https://datatracker.ietf.org/doc/html/draft-eastlake-fnv
 */
export function fnv1a(text: string, before = 0x811c9dc5): number {
  let hash = before
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash
}
