/** A number with its noun: `1 run`, `2 runs`. */
export function countOf(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`
}

/** Controls, line separators and bidirectional marks, because with these a text could look like another text. */
const FORGING = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu
const FORGING_IN_LINE = new RegExp(`(?!\\n)${FORGING.source}`, 'gu')

/** Text that may come from outside, fit for one line of a terminal or a log. */
export function printable(text: string): string {
  return text.toWellFormed().replace(FORGING, '\ufffd')
}

/** Likewise, with its line breaks: for a message that shows a file of several lines. */
export function printableLines(text: string): string {
  return text.toWellFormed().replace(FORGING_IN_LINE, '\ufffd')
}

/** Longest part of a text value that {@link describeValue} repeats, in UTF-16 units. */
const MAX_SHOWN_LENGTH = 64

/** Describes the received value of an option or an argument, for the error that names the expected value. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, MAX_SHOWN_LENGTH))
  if (typeof value === 'function') return 'a function'
  if (typeof value !== 'object' || value === null) return String(value)
  if (Array.isArray(value))
    return `[${value.slice(0, 4).map(describeItem).join(', ')}${value.length > 4 ? ', …' : ''}]`
  // A server may put a class of its own in place of Response, whose name a bundler has changed.
  if (value instanceof Response) return 'an instance of Response'
  const type = Object.getPrototypeOf(value)?.constructor?.name
  if (type !== undefined && type !== 'Object') return `an instance of ${type}`
  const keys = Object.keys(value)
  return keys.length === 0 ? '{}' : `{ ${keys.slice(0, 8).join(', ')} }`
}

/** Describes a rejected secret by its type and length alone, because no log may repeat it. */
export function describeSecret(value: unknown): string {
  if (Array.isArray(value))
    return `${value.length === 1 ? 'a list of 1 item' : `a list of ${value.length} items`}${value
      .slice(0, 8)
      .map((item, index) => `${index === 0 ? ': ' : ', '}${describeSecret(item)}`)
      .join('')}`
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value !== 'string') return typeof value === 'object' ? 'an object' : `a ${typeof value}`
  if (value === '') return 'an empty string'
  const characters = `a string of ${value.length} ${value.length === 1 ? 'character' : 'characters'}`
  return /^[!-~]*$/.test(value) ? characters : `${characters}, not all of them visible ASCII`
}

function describeItem(value: unknown): string {
  return typeof value === 'object' && value !== null ? '…' : describeValue(value)
}

/** Minimum length of an unknown name that stands for the only known name which begins with it. */
const MIN_PREFIX_LENGTH = 3

/** For an error about an unknown name: the known name that it probably stands for, or all known names. */
export function suggestion(unknown: string, names: readonly string[]): string {
  const distances = names.map((name) => ({ name, distance: editDistance(unknown, name) }))
  const [closest] = distances.sort((a, b) => a.distance - b.distance)
  // `host` is at a distance of 4 from `hostname`, and of 2 from `port`.
  const longer = names.filter((name) => name.toLowerCase().startsWith(unknown.toLowerCase()))
  if (longer.length === 1 && unknown.length >= MIN_PREFIX_LENGTH) return `; did you mean "${longer[0]}"?`
  if (closest !== undefined && closest.distance <= Math.max(2, closest.name.length / 4))
    return `; did you mean "${closest.name}"?`
  return names.length === 1 ? `; expected ${names[0]}` : `; expected one of ${names.join(', ')}`
}

/** Levenshtein distance of two names, in lower case. */
function editDistance(from: string, to: string): number {
  const a = from.slice(0, MAX_SHOWN_LENGTH).toLowerCase()
  const b = to.toLowerCase()
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}
