import { endFault } from './run-end-fault.ts'
import {
  type Held,
  hasEnded,
  isGone,
  newRun,
  noCounts,
  type ProducedRun,
  type Reading,
  type RunCounts,
  type RunEnd,
  type RunItem,
} from './run-facts.ts'

export interface RunOracleOptions {
  now(): number
  log(message: string): void
  violate(message: string): void
  /** Whether a Pod may evict chunks, or forget a run, while the simulation lasts. */
  mayEvict: boolean
  /** Whether there is no fault at this moment, and each Pod can count on the others. */
  isConnected(): boolean
  /** Whether no Pod has lost its memory without a handover so far. */
  isWhole(): boolean
  /** Whether the network, the processes and the clients have been without faults for the last `ms` milliseconds. */
  isCalm(ms: number): boolean
}

/** A calm time of this length proves that a Pod has no cause to call a run `lost`. */
const CALM_MS = 20_000
/** Time within which each Pod knows a run, without faults. */
const FOUND_MS = 5_000
/** Time within which the headers of two runs meet, without faults. */
const MEET_MS = 500

/** Test oracle of runs: it knows each call of the producers and each item of the readers, and never looks inside a Pod. */
export class RunOracle {
  readonly runs: ProducedRun[] = []
  readonly counts: RunCounts = noCounts()
  readonly #options: RunOracleOptions
  readonly #texts = new Map<string, { run: ProducedRun; index: number }>()
  readonly #ids = new Map<string, string>()
  /** Names of which a Pod was asked to cancel the run. */
  readonly #cancelled = new Set<string>()

  constructor(options: RunOracleOptions) {
    this.#options = options
  }

  started(id: string, name: string, address: string): ProducedRun {
    const run = newRun(id, name, address, this.#options.now())
    const [old, ...others] = this.runs.filter((each) => each.name === name)
    if (old !== undefined && others.length === 0 && this.#isKnownAsEnded(old)) old.replacedBy = run
    if (this.runs.some((each) => each.id === id)) this.#options.violate(`two runs have the id ${id}`)
    if (this.runs.some((each) => each.name === name && each.call !== undefined)) this.counts.replacements += 1
    this.#options.log(`${address} started ${id} as ${name}`)
    this.runs.push(run)
    this.counts.runs += 1
    return run
  }

  startRejected(name: string, address: string, error: Error): void {
    const { violate, log, mayEvict } = this.#options
    const { code } = error as { code?: string }
    log(`${address} did not start ${name}: ${error.message}`)
    this.counts.rejections += 1
    if (code === 'run-exists') {
      if (!this.runs.some((run) => run.name === name)) violate(`${address} says that ${name} exists`)
    } else if (code !== 'stopped' && !(code === 'too-many-runs' && mayEvict))
      violate(`${address} did not start ${name}: ${error.message}`)
  }

  wrote(run: ProducedRun, text: string): void {
    this.#texts.set(text, { run, index: run.texts.length })
    run.texts.push(text)
    this.counts.chunks += 1
  }

  called(run: ProducedRun, kind: 'end' | 'fail', reason?: string): void {
    run.call ??= { kind, reason }
    if (run.abort === undefined) this.#checkAlone(run)
    run.endedAt ??= this.#options.now()
  }

  aborted(run: ProducedRun, reason: string): void {
    if (reason === 'cancelled' && !this.#cancelled.has(run.name))
      this.#options.violate(`${run.id} was cancelled without a request`)
    this.#options.log(`the signal of ${run.id} aborts: ${reason}`)
    run.abort ??= { reason, isBeforeCall: run.call === undefined }
    run.endedAt ??= this.#options.now()
    if (reason === 'superseded') this.counts.superseded += 1
    if (reason === 'draining') this.counts.drained += 1
    if (reason === 'process-paused') this.counts.paused += 1
  }

  died(run: ProducedRun): void {
    run.diedAt ??= this.#options.now()
    run.endedAt ??= run.diedAt
  }

  /** A `flush()` that was called then has said that `pods` other Pods hold the chunks before `next`: some may have crashed since. */
  flushed(run: ProducedRun, held: Held): void {
    if (held.pods > 0 && held.next >= (run.held?.next ?? 0)) run.held = held
  }

  /** The Pod has stopped now, and another one has its copies. */
  handedOver(address: string): void {
    const at = this.#options.now()
    for (const run of this.runs) {
      if (run.address !== address || run.diedAt !== at) continue
      run.isHandedOver = true
      run.held = { next: run.texts.length, pods: 1, at }
    }
  }

  cancelRequested(name: string): void {
    this.#cancelled.add(name)
  }

  /** The receipt of a cancellation. */
  cancelled(id: string, outcome: string): void {
    const { log, violate } = this.#options
    log(`the cancellation of ${id} is ${outcome}`)
    const run = this.runs.find((each) => each.id === id)
    if (outcome === 'not-running') {
      this.counts.notRunning += 1
      if (run !== undefined && !hasEnded(run)) violate(`the receipt says that ${id} does not run`)
    }
    if (outcome === 'unreachable') this.counts.unreachable += 1
    if (outcome !== 'cancelled') return
    this.counts.cancelled += 1
    if (run?.abort?.reason !== 'cancelled')
      violate(`the receipt says that ${id} is cancelled, and its signal has not aborted`)
  }

  cancelRejected(name: string, error: Error): void {
    const { code } = error as { code?: string }
    this.#options.log(`${name} was not cancelled: ${error.message}`)
    if (code !== 'stopped' && code !== 'run-not-found')
      this.#options.violate(`${name} was not cancelled: ${error.message}`)
  }

  readRejected(reading: Reading, error: Error): void {
    const { violate, log, isCalm, now } = this.#options
    const { reader, name } = reading
    const { code } = error as { code?: string }
    log(`${reader} cannot read ${name}: ${error.message}`)
    if (code === 'stopped') return
    if (code !== 'run-not-found') return violate(`${reader} cannot read ${name}: ${error.message}`)
    this.counts.notFound += 1
    reading.isNotFound = true
    const run = this.runs.find(
      (each) => each.name === name && !hasEnded(each) && now() - each.startedAt > FOUND_MS,
    )
    if (run !== undefined && isCalm(FOUND_MS)) violate(`${reader} does not find ${run.id}, which runs`)
  }

  /** The reader begins to read on a Pod, after the chunk with the id `after`. */
  opened(reading: Reading, address: string, after: string | undefined): void {
    this.#options.log(`${reading.reader} reads ${reading.name} on ${address} after ${after ?? 'nothing'}`)
    reading.isInterrupted = false
    reading.end = undefined
  }

  received(reading: Reading, item: RunItem): void {
    const { violate, log } = this.#options
    log(`${reading.reader} got ${JSON.stringify(item)}`)
    reading.isNotFound = false
    if (reading.end !== undefined)
      violate(`${reading.reader} got ${item.type} after the end of ${reading.name}`)
    if (item.type === 'chunk') this.#chunk(reading, item)
    else if (item.type === 'end') this.#end(reading, item)
    else if (item.type === 'gap') {
      this.counts.gaps += 1
      reading.gapAt = item.index
      if (item.index === 0 && this.#hasRival(reading.run)) reading.next = 0
    } else {
      const isInterrupted = item.type === 'interrupted'
      if (isInterrupted === reading.isInterrupted) violate(`${reading.reader} was told ${item.type} twice`)
      reading.isInterrupted = isInterrupted
      this.counts[isInterrupted ? 'interruptions' : 'resumptions'] += 1
    }
  }

  #chunk(reading: Reading, { id, index: told, text }: RunItem & { type: 'chunk' }): void {
    const { violate, mayEvict } = this.#options
    const { reader, name, gapAt } = reading
    const written = this.#texts.get(text)
    if (written === undefined) return violate(`${reader} got "${text}", which no producer wrote`)
    const { run, index } = written
    if (run.name !== name) violate(`${reader} of ${name} got "${text}" of ${run.name}`)
    if (told !== index) violate(`${reader} got chunk ${index} of ${run.id} as chunk ${told}`)
    const key = `${name} ${id}`
    if ((this.#ids.get(key) ?? text) !== text)
      violate(`"${text}" and "${this.#ids.get(key)}" of ${name} have the id ${id}`)
    this.#ids.set(key, text)
    const isOther = run !== reading.run
    const next = isOther ? 0 : reading.next
    const isFirst = reading.run === undefined
    if (isOther && !isFirst && gapAt === undefined)
      violate(`${reader} came from ${reading.run?.id} to ${run.id} without a gap`)
    if (index < next) violate(`${reader} got chunk ${index} of ${run.id} again, or after chunk ${next - 1}`)
    if (gapAt !== undefined && index !== gapAt)
      violate(`${reader} got chunk ${index} of ${run.id} after a gap up to ${gapAt}`)
    else if (index > next) {
      if (gapAt === undefined)
        violate(`${reader} got chunk ${index} of ${run.id} in place of chunk ${next} without a gap`)
      else if (!mayEvict) this.#checkLoss(reading, run, index)
    }
    if (gapAt !== undefined && index === next && (isFirst || !isOther)) this.counts.falseGaps += 1
    if (isOther && !isFirst) this.#checkChange(reading, run)
    reading.run = run
    reading.next = index + 1
    reading.gapAt = undefined
  }

  /** Whether another run of the name ran meanwhile or later, of which the reader may have been told without a chunk of it. */
  #hasRival(run: ProducedRun | undefined): boolean {
    if (run === undefined) return false
    const { id, name, startedAt } = run
    return this.runs.some(
      (other) =>
        other.id !== id && other.name === name && (other.endedAt ?? Number.POSITIVE_INFINITY) >= startedAt,
    )
  }

  /** Of two runs that were started at once, one has ended as soon as their headers have met. */
  #checkAlone({ id, name, startedAt }: ProducedRun): void {
    const { isCalm, now, violate } = this.#options
    if (!isCalm(FOUND_MS)) return
    const other = this.runs.find((run) => run.id !== id && run.name === name && !hasEnded(run))
    if (other !== undefined && now() - Math.max(startedAt, other.startedAt) > MEET_MS)
      violate(`${id} and ${other.id} run as ${name}`)
  }

  /** Each Pod knows the end of the run, so that another start of the name replaces it. */
  #isKnownAsEnded(run: ProducedRun): boolean {
    const { isCalm, now } = this.#options
    return isCalm(FOUND_MS) && run.endedAt !== undefined && now() - run.endedAt >= FOUND_MS
  }

  /** A reader of a newer run is not thrown back to the one that it replaced. */
  #checkChange({ reader, run: before }: Reading, run: ProducedRun): void {
    const { isCalm, violate } = this.#options
    this.counts.changes += 1
    // The Pod of the newer run may not have heard of the older one, if that began and ended just before.
    const knownAt = (run.endedAt ?? Number.POSITIVE_INFINITY) + MEET_MS
    const wasReplaced = knownAt < (before?.startedAt ?? 0)
    if (wasReplaced && before?.abort?.reason !== 'superseded' && isCalm(FOUND_MS))
      violate(`${reader} was thrown back from ${before?.id} to ${run.id}`)
  }

  /** Chunks may be lost with the Pods that had them; never while their producer lives, or where each Pod has handed them over. */
  #checkLoss({ reader, next }: Reading, run: ProducedRun, index: number): void {
    const isAlive = !isGone(run)
    if (isAlive || this.#isKept(run))
      this.#options.violate(
        `${reader} lost chunks ${next} to ${index - 1} of ${run.id}, which ${isAlive ? 'its producer has' : 'were handed over'}`,
      )
  }

  /** The reason for which no Pod may call the run lost; undefined: it may be. */
  #lossFault(run: ProducedRun): string | undefined {
    if (!isGone(run) && this.#options.isCalm(CALM_MS))
      return `the producer of ${run.id} lives and is in reach`
    return this.#isKept(run) ? `the Pod of ${run.id} has handed it over` : undefined
  }

  #isKept({ isHandedOver }: ProducedRun): boolean {
    return isHandedOver && this.#options.isWhole()
  }

  #end(reading: Reading, end: RunEnd): void {
    const { violate, log, mayEvict, isConnected } = this.#options
    const { reader, name, gapAt } = reading
    reading.end = end
    const runs =
      reading.run !== undefined && gapAt === undefined
        ? [reading.run]
        : this.runs.filter((run) => run.name === name)
    const faults = runs.map((run) => endFault(reading, run, end, this.#lossFault(run)))
    reading.gapAt = undefined
    if (end.state === 'lost') this.counts.lost += 1
    const run = runs[faults.indexOf(undefined)]
    if (run === undefined)
      return violate(`${reader} got the end ${end.state} of ${name}: ${faults[0] ?? 'no run'}`)
    if (runs.length > 1) log(`the end may be that of ${run.id}`)
    else if (end.state !== 'lost') {
      run.told ??= end
      const next = reading.run === run ? reading.next : 0
      // A Pod that cannot reach the producer need not wait for it.
      if (gapAt !== undefined && !mayEvict && next < run.texts.length && isConnected())
        this.#checkLoss({ ...reading, next }, run, run.texts.length)
    }
  }
}
