// Heap of 1,000 ended runs of 1,000 chunks each, to the bytes of their text; prints it as JSON. Needs --expose-gc.
import { Sser } from '../harness/source.ts'
import { chunksOf } from './plan.ts'

const RUNS = 1_000
const CHUNKS = 1_000
const gc = globalThis.gc as () => void

function used(): number {
  gc()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const sser = new Sser({ logger: false })
await sser.start()
const before = used()
let bytes = 0
for (let i = 0; i < RUNS; i += 1) {
  const run = await sser.startRun(`run-${i}`)
  // Each chunk is a string of its own, as one that has arrived from a model.
  for (const chunk of chunksOf({ name: '', seed: i + 1 }, CHUNKS)) {
    bytes += chunk.length
    run.write(Buffer.from(chunk).toString())
  }
  run.end()
}
await new Promise((resolve) => setTimeout(resolve, 100))
console.log(JSON.stringify({ ratio: (used() - before) / bytes }))
await sser.stop()
