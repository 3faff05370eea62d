/**
 * Prometheus' text exposition format, version 0.0.4.
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */

/** One line: a value under the family's name and a suffix, with its labels. */
export interface Sample {
  /** Suffix that a histogram or a summary adds to its name. */
  readonly suffix?: '_bucket' | '_sum' | '_count' | undefined
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** A metric with its current samples. */
export interface Family {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary'
  readonly samples: readonly Sample[]
}

export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** Formats the families. The names of families and labels are trusted, the labels' values are not. */
export function formatFamilies(families: readonly Family[]): string {
  return families.map(printFamily).join('')
}

function printFamily({ name, help, type, samples }: Family): string {
  const lines = samples.map(({ suffix = '', labels, value }) => {
    const printed = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`)
    return `${name}${suffix}${printed.length === 0 ? '' : `{${printed.join(',')}}`} ${printValue(value)}\n`
  })
  return `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n${lines.join('')}`
}

function printValue(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value)
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"')
}
