// The result of a figure, and its output.
import type { Plot } from './plot.ts'
import type { Target } from './target.ts'

export interface Table {
  /** Name for `--only`. */
  name: string
  title: string
  columns: readonly string[]
  /** Absolute figures without rounding; the output rounds them. */
  rows: readonly (readonly (string | number)[])[]
  /** Skipped rows, and notes for the reader. */
  notes: readonly string[]
  plots: readonly Plot[]
  targets?: readonly Target[]
}

export function markdown({ title, columns, rows, notes }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const numeric = columns.map((_, i) => rows.every((row) => typeof row[i] === 'number' || row[i] === ''))
  return [
    `### ${title}`,
    '',
    line(columns),
    line(numeric.map((isNumeric) => (isNumeric ? '---:' : '---'))),
    ...rows.map((row) => line(row.map(rounded))),
    ...(notes.length === 0 ? [] : ['']),
    ...notes.map((note) => `- ${note}`),
    '',
  ].join('\n')
}

/** Rounds to three digits, because a run is not more precise. */
function rounded(value: string | number): string {
  if (typeof value === 'string') return value
  if (!Number.isFinite(value)) return ''
  if (Number.isInteger(value) || Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US')
  if (Math.abs(value) < 0.1) return value.toPrecision(2)
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2)
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  return sorted.length % 2 === 0
    ? ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
    : (sorted[Math.floor(middle)] as number)
}

/** The median of the ratios of each round to the same round of a control; NaN without one. */
export function medianRatio(rounds: readonly number[] = [], control: readonly number[] = []): number {
  if (rounds.length === 0 || control.length === 0) return Number.NaN
  return median(rounds.map((value, i) => value / (control[i] as number)))
}
