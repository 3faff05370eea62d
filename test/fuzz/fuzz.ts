import { makeInput } from './mutate.ts'
import { shrink } from './shrink.ts'
import type { Json, Surface } from './surface.ts'
import { faultOf } from './try.ts'

/** An input that takes longer is told of. */
const SLOW_MS = 250
/** With so many failures enough is known. */
const MAX_FAILURES = 3
/** The event loop turns this often, for the watchdog and for pending work. */
const TURN_MS = 20

interface Failure {
  /** The input's number: `--only SURFACE --seed SEED --inputs 1` makes it again. */
  seed: number
  fault: string
  input: Json
}

export interface Report {
  surface: string
  inputs: number
  ms: number
  /** The input that took longest. */
  slowest: { seed: number; ms: number }
  failures: Failure[]
}

export interface FuzzOptions {
  /** The number of the first input; the next ones follow. */
  seed: number
  /** Until so many inputs were tried, or so much time passed. */
  inputs?: number | undefined
  ms?: number | undefined
  /** DeliveryCounts of each input before it is tried. */
  onInput?: ((seed: number) => void) | undefined
}

/** Tries inputs of one surface. */
export async function fuzz(surface: Surface, options: FuzzOptions): Promise<Report> {
  const { seed: first, inputs = Number.POSITIVE_INFINITY, ms = Number.POSITIVE_INFINITY, onInput } = options
  const start = performance.now()
  const report: Report = {
    surface: surface.name,
    inputs: 0,
    ms: 0,
    slowest: { seed: first, ms: 0 },
    failures: [],
  }
  let turnedAt = start
  let before = start
  while (report.inputs < inputs && before - start < ms && report.failures.length < MAX_FAILURES) {
    const seed = first + report.inputs
    onInput?.(seed)
    const input = makeInput(surface, seed)
    const from = performance.now()
    const found = await faultOf(surface, input)
    before = performance.now()
    if (before - from > report.slowest.ms) report.slowest = { seed, ms: before - from }
    report.inputs += 1
    const fault = found ?? (await slowness(surface, input, before - from))
    if (fault !== undefined) report.failures.push({ seed, fault, input: await shrink(surface, input, fault) })
    if (before - turnedAt < TURN_MS) continue
    await new Promise((resolve) => setImmediate(resolve))
    turnedAt = performance.now()
  }
  report.ms = performance.now() - start
  return report
}

/** An input counts as slow if it is so again: once may be the machine's fault. */
async function slowness(surface: Surface, input: Json, ms: number): Promise<string | undefined> {
  let least = ms
  for (let again = 0; again < 3 && least > SLOW_MS; again += 1) {
    const from = performance.now()
    await faultOf(surface, input)
    least = Math.min(least, performance.now() - from)
  }
  return least > SLOW_MS ? `slow: took ${Math.round(least)} ms at best` : undefined
}
