import type { Reporter, TestModule } from 'vitest/node'

/** A test that needs a program says so at the end of its title, or of its group's: `(needs chromium)`. */
const NEEDS = /\(needs ([^)]+)\)/

/** Prints, as the last line of a run, how many tests were skipped because this machine lacks a program. */
export class SkippedReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const titles = modules.flatMap((module) =>
      Array.from(module.children.allTests('skipped'), ({ fullName }) => fullName),
    )
    const summary = summarize(titles)
    if (summary !== undefined) console.log(summary)
  }
}

/** One line for the titles of the skipped tests; undefined where none of them needs a program. */
export function summarize(titles: readonly string[]): string | undefined {
  const counts = new Map<string, number>()
  for (const title of titles) {
    const program = NEEDS.exec(title)?.[1]
    if (program !== undefined) counts.set(program, (counts.get(program) ?? 0) + 1)
  }
  if (counts.size === 0) return undefined
  const parts = Array.from(counts, ([program, count]) => `${program} (${count})`)
  return `Tests skipped for want of a program: ${parts.join(', ')}. Install it to run them.`
}
