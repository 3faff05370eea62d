import type { RunItem } from '../../src/index.ts'

/** Collects the items of a run in the background. */
export function collectRun(items: AsyncIterable<RunItem>): RunItem[] & { done: Promise<void> } {
  const collected: RunItem[] = []
  const pump = async () => {
    for await (const item of items) collected.push(item)
  }
  return Object.assign(collected, { done: pump() })
}

/** The items as short texts: chunks as they are, and the others in brackets. */
export function runTexts(items: readonly RunItem[]): string[] {
  return items.map((item) => {
    if (item.type === 'chunk') return item.text
    if (item.type === 'gap') return `[gap ${item.index}]`
    if (item.type !== 'end') return `[${item.type}]`
    return item.reason === undefined ? `[${item.state}]` : `[${item.state}: ${item.reason}]`
  })
}
