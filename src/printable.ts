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
