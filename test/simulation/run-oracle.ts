/** An item of a reader of a run. */
export type RunItem =
  | { type: 'chunk'; id: string; index: number; text: string }
  | { type: 'gap' | 'interrupted' | 'resumed' }
  | RunEnd

export interface RunEnd {
  type: 'end'
  state: string
  reason?: string | undefined
}

/** A run that a Pod of the simulation started, with all that its application did. */
export interface ProducedRun {
  readonly id: string
  readonly name: string
  readonly address: string
  readonly startedAt: number
  readonly replaces: string | undefined
  readonly texts: string[]
  /** The call that ended it. */
  call: { kind: 'end' | 'fail'; reason: string | undefined } | undefined
  /** The first abort of its signal, with its reason, before or after the call. */
  abort: { reason: string; isBeforeCall: boolean } | undefined
  /** Time at which the process of its producer ended. */
  diedAt: number | undefined
  /** Chunks that `flush()` reported as held by other Pods, with the number of these Pods. */
  held: { next: number; pods: number; at: number } | undefined
  /** The end that a reader got first, `lost` apart. */
  told: RunEnd | undefined
}

/** What one reader of a name received, over all its moves between Pods. */
export interface Reading {
  readonly reader: string
  readonly name: string
  /** The run of the last chunk. */
  run: ProducedRun | undefined
  /** Index of the next chunk. */
  next: number
  /** True after a gap, until the next chunk, end or move. */
  isAfterGap: boolean
  isInterrupted: boolean
  end: RunEnd | undefined
}

export interface RunOracleOptions {
  now(): number
  log(message: string): void
  violate(message: string): void
  /** Whether a Pod may evict chunks, or forget a run, while the simulation lasts. */
  mayEvict: boolean
  /** Whether the network, the processes and the clients have been without faults for the last `ms` milliseconds. */
  isCalm(ms: number): boolean
}

/** Number of situations that the readers of a seed met. */
export interface RunCounts {
  runs: number
  chunks: number
  gaps: number
  /** Gaps that left out no chunk, of the run that the reader had. */
  falseGaps: number
  interruptions: number
  lost: number
  /** Readers that changed to another run of the name. */
  changes: number
}

/** A calm time of this length proves that a Pod has no cause to call a run `lost`. */
const CALM_MS = 20_000

/** Test oracle of runs: it knows each call of the producers and each item of the readers, and never looks inside a Pod. */
export class RunOracle {
  readonly runs: ProducedRun[] = []
  readonly counts: RunCounts = {
    runs: 0,
    chunks: 0,
    gaps: 0,
    falseGaps: 0,
    interruptions: 0,
    lost: 0,
    changes: 0,
  }
  readonly #options: RunOracleOptions
  readonly #texts = new Map<string, { run: ProducedRun; index: number }>()
  readonly #ids = new Map<string, string>()
  /** Names of which a Pod was asked to cancel the run. */
  readonly #cancelled = new Set<string>()

  constructor(options: RunOracleOptions) {
    this.#options = options
  }

  started(id: string, name: string, address: string, replaces?: string): ProducedRun {
    const run: ProducedRun = {
      id,
      name,
      address,
      startedAt: this.#options.now(),
      replaces,
      texts: [],
      call: undefined,
      abort: undefined,
      diedAt: undefined,
      held: undefined,
      told: undefined,
    }
    if (this.runs.some((each) => each.id === id)) this.#options.violate(`two runs have the id ${id}`)
    this.runs.push(run)
    this.counts.runs += 1
    return run
  }

  wrote(run: ProducedRun, text: string): void {
    this.#texts.set(text, { run, index: run.texts.length })
    run.texts.push(text)
    this.counts.chunks += 1
  }

  called(run: ProducedRun, kind: 'end' | 'fail', reason?: string): void {
    run.call ??= { kind, reason }
  }

  aborted(run: ProducedRun, reason: string): void {
    if (reason === 'cancelled' && !this.#cancelled.has(run.name))
      this.#options.violate(`${run.id} was cancelled without a request`)
    run.abort ??= { reason, isBeforeCall: run.call === undefined }
  }

  died(run: ProducedRun): void {
    run.diedAt ??= this.#options.now()
  }

  /** `flush()` said that `pods` other Pods hold the chunks before `next`. */
  flushed(run: ProducedRun, next: number, pods: number): void {
    if (pods > 0 && next >= (run.held?.next ?? 0)) run.held = { next, pods, at: this.#options.now() }
  }

  cancelRequested(name: string): void {
    this.#cancelled.add(name)
  }

  /** The receipt of a cancellation of `name`, which `runs` had not ended before. */
  cancelled(name: string, result: string): void {
    if (result !== 'cancelled') return
    const isAborted = this.runs.some((run) => run.name === name && run.abort?.reason === 'cancelled')
    if (!isAborted)
      this.#options.violate(`the receipt says that ${name} is cancelled, and no signal has aborted`)
  }

  reading(reader: string, name: string): Reading {
    return {
      reader,
      name,
      run: undefined,
      next: 0,
      isAfterGap: false,
      isInterrupted: false,
      end: undefined,
    }
  }

  /** The reader begins to read on a Pod, after its last chunk. */
  opened(reading: Reading): void {
    reading.isAfterGap = false
    reading.isInterrupted = false
    reading.end = undefined
  }

  received(reading: Reading, item: RunItem): void {
    const { violate, log } = this.#options
    log(`${reading.reader} got ${JSON.stringify(item)}`)
    if (reading.end !== undefined)
      violate(`${reading.reader} got ${item.type} after the end of ${reading.name}`)
    if (item.type === 'chunk') this.#chunk(reading, item)
    else if (item.type === 'end') this.#end(reading, item)
    else if (item.type === 'gap') {
      this.counts.gaps += 1
      reading.isAfterGap = true
    } else {
      const isInterrupted = item.type === 'interrupted'
      if (isInterrupted === reading.isInterrupted) violate(`${reading.reader} was told ${item.type} twice`)
      reading.isInterrupted = isInterrupted
      if (isInterrupted) this.counts.interruptions += 1
    }
  }

  #chunk(reading: Reading, { id, index: told, text }: RunItem & { type: 'chunk' }): void {
    const { violate, mayEvict } = this.#options
    const { reader, name, isAfterGap } = reading
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
    if (isOther && !isFirst && !isAfterGap)
      violate(`${reader} came from ${reading.run?.id} to ${run.id} without a gap`)
    if (index < next) violate(`${reader} got chunk ${index} of ${run.id} again, or after chunk ${next - 1}`)
    if (index > next) {
      if (!isAfterGap)
        violate(`${reader} got chunk ${index} of ${run.id} in place of chunk ${next} without a gap`)
      else if (!mayEvict) this.#checkLoss(reading, run, index)
    }
    if (isAfterGap && index === next && (isFirst || !isOther)) this.counts.falseGaps += 1
    if (isOther && !isFirst) this.counts.changes += 1
    reading.run = run
    reading.next = index + 1
    reading.isAfterGap = false
  }

  /** Chunks may be lost with the Pods that had them; never while their producer lives. */
  #checkLoss({ reader, next }: Reading, run: ProducedRun, index: number): void {
    if (run.diedAt === undefined && run.abort?.reason !== 'process-paused')
      this.#options.violate(
        `${reader} lost chunks ${next} to ${index - 1} of ${run.id}, whose producer has them`,
      )
  }

  #end(reading: Reading, end: RunEnd): void {
    const { violate, log } = this.#options
    const { reader, name, isAfterGap } = reading
    reading.end = end
    const runs =
      reading.run !== undefined && !isAfterGap ? [reading.run] : this.runs.filter((run) => run.name === name)
    const faults = runs.map((run) => this.#endFault(reading, run, end))
    reading.isAfterGap = false
    if (end.state === 'lost') this.counts.lost += 1
    const run = runs[faults.indexOf(undefined)]
    if (run === undefined)
      return violate(`${reader} got the end ${end.state} of ${name}: ${faults[0] ?? 'no run'}`)
    if (runs.length > 1) log(`the end may be that of ${run.id}`)
    else if (end.state !== 'lost') run.told ??= end
  }

  /** The reason for which `end` cannot be the end of the run; undefined: it can be. */
  #endFault({ run: current, next, isAfterGap }: Reading, run: ProducedRun, end: RunEnd): string | undefined {
    const { call, abort, told, texts } = run
    if (end.state === 'lost') {
      const isPaused = abort?.reason === 'process-paused'
      if (run.diedAt === undefined && !isPaused && this.#options.isCalm(CALM_MS))
        return `the producer of ${run.id} lives and is in reach`
      return undefined
    }
    if (told !== undefined && (told.state !== end.state || told.reason !== end.reason))
      return `another reader of ${run.id} got ${told.state} ${told.reason ?? ''}`
    const has = current === run ? next : 0
    if (has < texts.length && !isAfterGap)
      return `the chunks of ${run.id} from ${has} to ${texts.length - 1} did not come`
    if (end.state === 'ended') {
      if (call?.kind !== 'end' || abort?.isBeforeCall === true)
        return `${run.id} was not ended by its application`
    } else if (end.state === 'cancelled') {
      if (abort?.reason !== 'cancelled' || !abort.isBeforeCall)
        return `${run.id} was not cancelled before its end`
    } else if (end.state === 'failed') {
      const isOwn = call?.kind === 'fail' && abort?.isBeforeCall !== true
      const isForced = abort?.isBeforeCall === true && abort.reason !== 'cancelled'
      if (!isOwn && !isForced) return `${run.id} did not fail`
    } else return `no run ends as ${end.state}`
    return undefined
  }
}
