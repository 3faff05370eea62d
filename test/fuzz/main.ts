// npm run fuzz -- [--seconds 60 | --inputs 100000] [--seed 1] [--only surface]
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import type { Report } from './fuzz.ts'
import { surfaces } from './surfaces.ts'
import type { Order } from './worker.ts'

/** A single input that takes so long never ends. */
const HANG_MS = 10_000
/** The heap that all inputs together may need, in MiB, and that a surface may leave behind, in bytes. */
const MAX_HEAP_MIB = 512
const MAX_GROWN_BYTES = 16 * 1_048_576
/** Printed characters of an input. */
const EXCERPT = 2_000

const { values } = parseArgs({
  options: {
    seconds: { type: 'string' },
    inputs: { type: 'string' },
    seed: { type: 'string' },
    only: { type: 'string', multiple: true },
  },
})
const names = values.only ?? surfaces.map(({ name }) => name)
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed)
const inputs = values.inputs === undefined ? undefined : Number(values.inputs)
const ms = inputs === undefined ? (Number(values.seconds ?? 60) * 1_000) / names.length : undefined

const progress = new Float64Array(new SharedArrayBuffer(16))
const order: Order = { names, options: { seed, inputs, ms }, progress }
const worker = new Worker(new URL('./worker.ts', import.meta.url), {
  workerData: order,
  resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB },
})
let total = 0
let isFailed = false

function fail(text: string): void {
  isFailed = true
  console.error(text)
}

const at = () => `--only ${names[progress[0] ?? 0]} --seed ${progress[1]} --inputs 1`
console.log(`seed ${seed}`)
worker.on(
  'message',
  ({ surface, failures, slowest, grownBytes, ...report }: Report & { grownBytes: number }) => {
    total += report.inputs
    const perSecond = Math.round((report.inputs / report.ms) * 1_000)
    const slow = `slowest ${slowest.ms.toFixed(1)} ms (seed ${slowest.seed})`
    console.log(
      `${surface.padEnd(14)} ${String(report.inputs).padStart(9)} inputs, ${perSecond} per second, ${slow}`,
    )
    for (const { seed: number, fault, input } of failures) {
      fail(`✗ ${surface}: ${fault}\n  npm run fuzz -- --only ${surface} --seed ${number} --inputs 1`)
      console.error(`  ${JSON.stringify({ surface, input }).slice(0, EXCERPT)}`)
    }
    if (grownBytes > MAX_GROWN_BYTES) fail(`✗ ${surface}: the heap has grown by ${grownBytes} bytes`)
  },
)
worker.on('error', (error) => fail(`✗ ${at()}: ${error.stack ?? error}`))

let seen = ''
const watch = setInterval(() => {
  const now = progress.join()
  if (now === seen) {
    fail(`✗ ${at()}: no end within ${HANG_MS} ms`)
    void worker.terminate()
  }
  seen = now
}, HANG_MS)
worker.on('exit', () => {
  clearInterval(watch)
  console.log(`${total} inputs in total`)
  process.exitCode = isFailed ? 1 : 0
})
