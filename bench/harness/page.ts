// Writes docs/benchmarks.md and its plots: the text between the two marks of each figure.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { machine } from './machine.ts'
import { svg } from './plot.ts'
import { markdown, type Table } from './table.ts'
import { TARGETS } from './target.ts'

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
    if (table.name === TARGETS) {
      // The page has a heading for them.
      const [, ...lines] = markdown(table).trim().split('\n')
      page = between(page, TARGETS, withRowsOf(page, lines.join('\n').trim()))
      continue
    }
    const drawn = table.plots.filter(({ name }) => existsSync(new URL(`${name}.svg`, PLOTS)))
    const images = drawn.map(({ name, title }) => `\n![${title}](benchmarks/${name}.svg)`)
    page = between(page, table.name, [markdown(table).trim(), ...images].join('\n'))
  }
  writeFileSync(PAGE, page)
}

/** Adds the rows of the page whose figures are not in `text`, a table with the targets of this run alone. */
function withRowsOf(page: string, text: string): string {
  const [from, to] = marksOf(page, TARGETS)
  const figureOf = (line: string) => line.split(' | ')[0]
  const rows = (lines: string) =>
    lines
      .split('\n')
      .filter((line) => line.startsWith('| '))
      .slice(2)
  const measured = rows(text)
  const all = rows(page.slice(from, to)).map(
    (line) => measured.find((each) => figureOf(each) === figureOf(line)) ?? line,
  )
  const others = measured.filter((line) => !all.includes(line))
  const head = text.split('\n').filter((line) => !measured.includes(line))
  return [...head, ...all, ...others].join('\n')
}

function between(page: string, name: string, content: string): string {
  const [from, to] = marksOf(page, name)
  return `${page.slice(0, from)}\n${content}\n${page.slice(to)}`
}

/** Where the text of a figure begins and ends. */
function marksOf(page: string, name: string): [from: number, to: number] {
  const [start, end] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`]
  const [from, to] = [page.indexOf(start), page.indexOf(end)]
  if (from === -1 || to < from)
    throw new Error(`docs/benchmarks.md has no place for ${name}: ${start} and ${end}`)
  return [from + start.length, to]
}
