// Writes docs/benchmarks.md and its plots: the text between the two marks of each figure.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { machine } from './machine.ts'
import { svg } from './plot.ts'
import { markdown, type Table } from './table.ts'

const PAGE = new URL('../../docs/benchmarks.md', import.meta.url)
const PLOTS = new URL('../../docs/benchmarks/', import.meta.url)

export function writePlots(tables: readonly Table[]): void {
  mkdirSync(PLOTS, { recursive: true })
  for (const plot of tables.flatMap(({ plots }) => plots)) {
    writeFileSync(new URL(`${plot.name}.svg`, PLOTS), svg(plot))
  }
}

/** Replaces the tables of the figures of this run, and keeps the others. */
export function writePage(tables: readonly Table[]): void {
  let page = readFileSync(PAGE, 'utf8')
  page = between(
    page,
    'machine',
    machine()
      .map((line) => `- ${line}`)
      .join('\n'),
  )
  for (const table of tables) {
    const drawn = table.plots.filter(({ name }) => existsSync(new URL(`${name}.svg`, PLOTS)))
    const images = drawn.map(({ name, title }) => `\n![${title}](benchmarks/${name}.svg)`)
    page = between(page, table.name, [markdown(table).trim(), ...images].join('\n'))
  }
  writeFileSync(PAGE, page)
}

function between(page: string, name: string, content: string): string {
  const [start, end] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`]
  const [from, to] = [page.indexOf(start), page.indexOf(end)]
  if (from === -1 || to < from)
    throw new Error(`docs/benchmarks.md has no place for ${name}: ${start} and ${end}`)
  return `${page.slice(0, from)}${start}\n${content}\n${page.slice(to)}`
}
