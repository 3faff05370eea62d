/**
 * A position: for each epoch, the highest seq up to which everything was seen. As an SSE id it is printed in
 * compact ASCII: `epoch` (5 base-62 characters) and `seq` (base 36), for a carried entry `~` and its age, entries
 * joined by dots, then a dash and a check of 3 characters, so that a foreign or altered id is not taken for ours.
 */
export type Position = ReadonlyMap<string, number>

/** A longer id is neither printed nor parsed. Proxies such as nginx take header lines and URLs of 8 KiB. */
export const MAX_POSITION_BYTES = 7_168
/** No Pod has this epoch: it marks an id that leaves out epochs which its Pod knows. Other Pods carry it as unknown. */
export const PARTIAL_EPOCH = '00000'
/** The entry of that epoch. */
export const PARTIAL_ENTRY: string = `.${PARTIAL_EPOCH}1`
/** Lives of Pods that one Pod knows of at once: no header of 16 KiB could name more, and whoever does made them up. */
export const MAX_EPOCHS = 2_048

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const EPOCH_LENGTH = 5
const EPOCH = /^[0-9A-Za-z]{5}$/
const ENTRY = /^([0-9A-Za-z]{5})([1-9a-z][0-9a-z]{0,10})(?:~([0-9a-z]{1,11}))?$/
const CHECK_SIZE = ALPHABET.length ** 3

/** Returns a random epoch out of 62^5: two of a hundred Pods get the same one in one of 185,000 fleets. */
export function randomEpoch(random: () => number): string {
  let epoch = ''
  while (epoch.length < EPOCH_LENGTH) epoch += ALPHABET[Math.floor(random() * ALPHABET.length)]
  return epoch === PARTIAL_EPOCH ? '00001' : epoch
}

export function isEpoch(text: string): boolean {
  return EPOCH.test(text) && text !== PARTIAL_EPOCH
}

/**
 * Prints a position as an id. `carriedMs` has those entries that the Pod itself does not stand behind. An id without the
 * epochs that are `leftOut` is marked as partial.
 */
export function formatPosition(
  position: Iterable<readonly [string, number]>,
  carriedMs?: ReadonlyMap<string, number>,
  leftOut?: ReadonlySet<string>,
): string {
  let text = ''
  for (const [epoch, seq] of position) {
    if (leftOut?.has(epoch)) continue
    text += `${text === '' ? '' : '.'}${epoch}${seq.toString(36)}`
    const carried = carriedMs?.get(epoch)
    if (carried !== undefined) text += `~${Math.round(carried).toString(36)}`
  }
  if (leftOut !== undefined) text += PARTIAL_ENTRY
  return `${text}-${check(text)}`
}

/** What an id says of one epoch. */
export interface PositionEntry {
  seq: number
  /** How long Pods that do not know so much of the epoch have carried it along. Undefined: not carried. */
  carriedMs: number | undefined
}

/** Reads an id; undefined when it is not one of ours, or longer than `maxBytes`. */
export function parsePosition(
  id: string,
  maxBytes: number = MAX_POSITION_BYTES,
): Map<string, PositionEntry> | undefined {
  if (id.length > maxBytes) return undefined
  const dash = id.lastIndexOf('-')
  if (dash < 1 || check(id.slice(0, dash)) !== id.slice(dash + 1)) return undefined
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

/** FNV-1a over the text, folded to 3 base-62 characters. */
function check(text: string): string {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  let rest = (hash >>> 0) % CHECK_SIZE
  let digits = ''
  for (let i = 0; i < 3; i += 1) {
    digits += ALPHABET[rest % 62]
    rest = Math.floor(rest / 62)
  }
  return digits
}
