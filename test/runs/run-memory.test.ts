import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { settle } from '../support/clock.ts'
import { newRuns, openReader } from '../support/run-peers.ts'

setFlagsFromString('--expose_gc')
const gc = runInNewContext('gc') as () => void

async function heapBytes(): Promise<number> {
  for (let i = 0; i < 3; i += 1) {
    await settle()
    gc()
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

test('1,000 ended runs of 1,000 chunks take at most twice the memory of their text', async () => {
  const { runs } = newRuns({ maxBytes: 64_000_000, maxRuns: 1_000 })
  const start = async (name: string) => {
    const run = await runs.start(name, false)
    for (let i = 0; i < 1_000; i += 1) run.write(`${name.length}${i}abc`.slice(0, 4))
    run.end()
  }
  await start('warm up')
  const before = await heapBytes()
  for (let i = 0; i < 1_000; i += 1) await start(`chat:${i}`)
  const perText = ((await heapBytes()) - before) / 4_000_000
  expect(perText).toBeLessThan(2)
  // The bound of all copies counts about the memory that they take.
  expect(runs.copies.bytes / 4_000_000).toBeGreaterThan(perText * 0.75)
  expect(runs.directory.size).toBe(1_001)
})

test('a reader that nothing reads takes no memory for the chunks of its run', async () => {
  const { runs } = newRuns({ maxBytes: 64_000_000 })
  const run = await runs.start('chat', false)
  const write = () => {
    for (let i = 0; i < 100_000; i += 1) run.write('abcd')
  }
  const readers = []
  for (let i = 0; i < 1_000; i += 1) readers.push((await openReader(runs)).reader)
  write()
  const before = await heapBytes()
  write()
  const perChunk = ((await heapBytes()) - before) / 100_000
  expect(perChunk).toBeLessThan(20)
  expect(readers.every(({ cursor }) => cursor === 0)).toBe(true)
})
