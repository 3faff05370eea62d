// Tries the surfaces that it is told to, in a thread that `main.ts` may end: a loop without end ends in no other way.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { parentPort, workerData } from 'node:worker_threads'
import { type FuzzOptions, fuzz } from './fuzz.ts'
import { surfaces } from './surfaces.ts'

export interface Order {
  names: readonly string[]
  options: Pick<FuzzOptions, 'seed' | 'inputs' | 'ms'>
  /** The index of the surface and the number of the input that is being tried. */
  progress: Float64Array
}

setFlagsFromString('--expose_gc')
const gc = runInNewContext('gc') as () => void
const { names, options, progress } = workerData as Order

function heapBytes(): number {
  gc()
  return process.memoryUsage().heapUsed
}

for (const [i, name] of names.entries()) {
  const surface = surfaces.find((each) => each.name === name)
  if (surface === undefined)
    throw new Error(`There is no surface ${name}; there are ${surfaces.map((each) => each.name)}`)
  progress[0] = i
  // First a few, because code, caches and buffers are made once.
  await fuzz(surface, { seed: options.seed, inputs: 100 })
  const before = heapBytes()
  const onInput = (seed: number) => {
    progress[1] = seed
  }
  const report = await fuzz(surface, { ...options, onInput })
  parentPort?.postMessage({ ...report, grownBytes: heapBytes() - before })
}
