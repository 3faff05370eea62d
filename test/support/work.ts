import { Session } from 'node:inspector/promises'

/**
 * Counts the blocks of code that run, by V8's block coverage. The count depends on no clock, so it shows on every machine
 * whether work grows faster than its cause. Import this file before the code that it counts, because V8 counts the blocks
 * of code that it compiles from then on.
 */
const session = new Session()
session.connect()
await session.post('Profiler.enable')
await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })

/** Blocks of `src/` that ran during `work`, without the clock of the tests, which looks at all timers. */
export async function blocksOf(work: () => unknown): Promise<number> {
  await session.post('Profiler.takePreciseCoverage')
  await work()
  const { result } = await session.post('Profiler.takePreciseCoverage')
  let blocks = 0
  for (const { url, functions } of result) {
    if (!url.includes('/src/') || url.includes('/src/testing/') || url.includes('/node_modules/')) continue
    for (const { ranges } of functions) for (const { count } of ranges) blocks += count
  }
  return blocks
}
