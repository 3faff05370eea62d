import { type Clock, pause } from '../clock.ts'
import { SserError, stopped } from '../errors.ts'
import type { Log } from '../log/log.ts'
import type { RunCounts } from '../telemetry/counters.ts'
import type { ErrorReporter } from '../telemetry/error-reporter.ts'
import { formatRunId, parseRunId, producerOf, type RunEnd, type RunHeader, type RunId } from '../wire/runs.ts'
import { Run, type RunStopReason } from './run.ts'
import { RunCancels } from './run-cancels.ts'
import { RunFrames } from './run-connection.ts'
import { RunCopies } from './run-copies.ts'
import type { RunCopy } from './run-copy.ts'
import { RunDirectory, type RunRecord } from './run-directory.ts'
import { type Liveness, RunLiveness } from './run-liveness.ts'
import { type FoundRun, lookUp, type RunStart, runExists, runNotFound, tooManyRuns } from './run-lookup.ts'
import { ALONE, type CancelOutcome, type RunPeers } from './run-peers.ts'
import { type ReaderContext, RunReader } from './run-reader.ts'
import { RunReports, type RunReportsOptions } from './run-reports.ts'
import { RunReview } from './run-review.ts'

/** Known headers, as a multiple of `maxRuns`. */
const RECORDS_PER_RUN = 16

/** The options `runs` of the instance. */
interface RunLimits {
  maxBytes: number
  retainMs: number
  holders: number
  maxRuns: number
}

export interface RunsOptions {
  log: Log
  clock: Clock
  errors: ErrorReporter
  limits: RunLimits
  maxMessageBytes: number
  ackTimeoutMs: number
  counts: RunCounts
  logging: RunReportsOptions['logging']
}

/** The runs of one incarnation of this Pod: those that it writes, and those that it knows of others. */
export class Runs implements ReaderContext {
  readonly directory: RunDirectory
  readonly copies: RunCopies
  readonly producers: RunLiveness
  /** The frames of chunks that connections share. */
  readonly frames: RunFrames = new RunFrames()
  /** Number of readers on this Pod: connections and loops. */
  readers = 0
  readonly #options: RunsOptions
  readonly #reports: RunReports
  /** The running runs of this Pod. */
  readonly #own = new Map<RunId, Run>()
  readonly #review: RunReview
  readonly #cancels: RunCancels
  #peers: RunPeers = ALONE
  #isStopped = false

  constructor(options: RunsOptions) {
    this.#options = options
    const { log, clock, limits } = options
    const { timing } = log
    this.#reports = new RunReports({ ...options, ...limits })
    const ownEpoch = () => log.epoch
    this.producers = new RunLiveness({ timing, ownEpoch, peers: () => this.#peers })
    this.copies = new RunCopies({
      clock,
      maxBytes: limits.maxBytes,
      // The header of the end may be late, or lost.
      onEnd: ({ id, end }) => end && this.directory.setEnd(id, end, clock.now()),
      onEvict: (isRunning) => this.#reports.onEvict(isRunning),
      mustHold: (id) => this.isOwn(id) || this.#peers.mustHold(id),
    })
    this.directory = new RunDirectory({
      maxRecords: RECORDS_PER_RUN * limits.maxRuns,
      retainMs: limits.retainMs,
      ownEpoch,
      isHeard: (epoch) => log.epochs.get(epoch) !== undefined,
      // Later, because a listener of the log must not append: the application ends the run as soon as its signal aborts.
      onCancel: (id) => queueMicrotask(() => this.#own.get(id)?.cancel()),
      onRemove: ({ id }) => {
        this.copies.remove(id)
        this.#cancels.forget(id)
      },
      onRefuse: () => options.errors.countRejected('too-many-runs'),
      onConflict: (id) => this.#onConflict(id),
    })
    this.#cancels = new RunCancels({
      clock,
      ask: (id) => this.#peers.cancel(id),
      append: (id) => this.#isStopped || this.#append({ cancel: id }),
    })
    this.#review = new RunReview({
      clock,
      timing,
      liveness: this.producers,
      directory: this.directory,
      reports: this.#reports,
      onJudged: (id) => this.copies.get(id)?.touch(),
    })
    this.directory.onRecord((record) => this.#onRecord(record))
    log.onAppend((entry) => {
      if (entry.kind === 'run') this.directory.onHeader(entry.epoch, entry.seq, entry.run, entry.sentAt)
    })
  }

  /** The other Pods, as runs see them. */
  get peers(): RunPeers {
    return this.#peers
  }

  /** Connects the runs with those of the other Pods. */
  join(peers: RunPeers): void {
    this.#peers = peers
    peers.onChange(() => this.#onPeersChange())
  }

  /** Number of running runs of this Pod. */
  get running(): number {
    return this.#own.size
  }

  /** Starts a run. @throws SserError `run-exists` or `too-many-runs` */
  async start(name: string, isReplacing: boolean): Promise<Run> {
    if (!this.#peers.isSynced) await this.ask({ names: [name] })
    if (this.#isStopped) throw stopped()
    const { log, clock, errors, limits, maxMessageBytes, ackTimeoutMs } = this.#options
    const known = this.directory.resolve(name)
    if (known !== undefined && !(isReplacing && this.#isOver(known)))
      throw runExists(name, this.stateOf(known), this.#isOver(known))
    if (this.#own.size >= limits.maxRuns || this.directory.isFull(name)) {
      errors.countRejected('too-many-runs')
      throw tooManyRuns(name, this.directory.isFull(name), limits)
    }
    const seq = this.#append({ start: name, replaces: known?.id })
    const record = this.directory.get(formatRunId(log.epoch, seq)) as RunRecord
    const run = new Run({
      copy: this.copies.ensure(record),
      clock,
      maxMessageBytes,
      flushTimeoutMs: ackTimeoutMs,
      onFlush: (id) => this.#peers.flush(id),
      heldBy: (id, next) => this.#peers.heldBy(id, next),
      holdersOf: (id) => this.#peers.holdersOf(id),
      onEnd: (ended, end) => this.#onEnd(ended, end),
    })
    this.#own.set(run.id, run)
    this.#reports.counts.started += 1
    return run
  }

  /** State of a run that this Pod knows. */
  stateOf(record: RunRecord): 'running' | 'interrupted' | 'lost' | RunEnd['state'] {
    if (record.end !== undefined) return record.end.state
    const liveness = this.liveness(record)
    return liveness === 'alive' ? 'running' : liveness
  }

  /** Number of a run's chunks so far, as far as this Pod knows. */
  chunksOf({ id, told, end }: RunRecord): number {
    // A peer may have told of more than there are.
    return end?.chunks ?? Math.max(told, this.copies.get(id)?.next ?? 0)
  }

  /** Asks the peers for headers that this Pod does not know. */
  ask(question: Parameters<RunPeers['ask']>[0]): Promise<void> {
    this.#reports.counts.asks += 1
    return this.#peers.ask(question)
  }

  /** Asks the producer of the run to stop it. */
  async cancel(record: RunRecord): Promise<CancelOutcome> {
    const outcome = await this.#cancel(record)
    this.#reports.counts.cancels[outcome] += 1
    return outcome
  }

  async #cancel({ id, end }: RunRecord): Promise<CancelOutcome> {
    if (this.isOwn(id)) return this.cancelOwn(id)
    return end === undefined ? this.#cancels.cancel(id) : 'not-running'
  }

  /** Cancels a run of this Pod, also for another Pod that asks. */
  cancelOwn(id: RunId): Exclude<CancelOutcome, 'unreachable'> {
    return this.#own.get(id)?.cancel() === true ? 'cancelled' : 'not-running'
  }

  /**
   * Finds the run for a reader; waits for a header that may be on its way.
   * @throws SserError `run-not-found`; the signal's reason when it aborts
   */
  async find(name: string, { after, from }: RunStart, signal?: AbortSignal): Promise<FoundRun> {
    const { directory } = this
    const { clock } = this.#options
    const found = await lookUp({ directory, peers: this, clock, name, after, signal })
    signal?.throwIfAborted()
    if (found === undefined) throw runNotFound(name)
    if (after !== undefined || from === 'start') return found
    const { record } = found
    if (!this.isOwn(record.id)) await this.ask({ ids: [record.id] })
    return { ...found, from: this.chunksOf(record) }
  }

  /** A cursor over a run, on this Pod. `isInterrupted`: its consumer knows that the run is interrupted. */
  read(found: FoundRun, isInterrupted = false): RunReader {
    return new RunReader({ ...found, context: this, isInterrupted })
  }

  open(record: RunRecord): RunCopy {
    const copy = this.copies.ensure(record)
    copy.readers += 1
    this.readers += 1
    if (copy.readers === 1 && !copy.isComplete && !this.#own.has(record.id)) this.#peers.want(record.id)
    return copy
  }

  close(copy: RunCopy): void {
    copy.readers -= 1
    this.readers -= 1
    if (copy.readers === 0 && !this.#own.has(copy.id)) this.#peers.unwant(copy.id)
  }

  isOwn(id: RunId): boolean {
    return producerOf(id) === this.#options.log.epoch
  }

  resolve(name: string): RunRecord | undefined {
    return this.directory.resolve(name)
  }

  liveness({ epoch, isForgotten }: RunRecord): Liveness {
    return isForgotten ? 'lost' : this.producers.of(epoch, this.#options.clock.now())
  }

  hasAll(id: RunId): boolean {
    return this.#peers.hasAll(id)
  }

  /** Waits until the runs of this Pod have ended; after `timeoutMs`, ends them as `failed`, with the reason `draining`. */
  async drain(timeoutMs: number): Promise<void> {
    if (this.#own.size > 0 && timeoutMs > 0) {
      this.#reports.onDrain(this.#own.size, timeoutMs)
      const ended = new AbortController()
      void Promise.all(Array.from(this.#own.values(), ({ closed }) => closed)).then(() => ended.abort())
      await pause(this.#options.clock, timeoutMs, ended.signal)
    }
    if (this.#own.size > 0) this.#reports.onDrainTimeout(this.#own.size)
    for (const run of [...this.#own.values()]) run.stop('draining')
  }

  /** Ends all runs of this Pod, for the reason that their signals abort with. */
  stop(reason: Exclude<RunStopReason, 'cancelled'>): void {
    this.#isStopped = true
    this.#review.stop()
    for (const run of [...this.#own.values()]) run.stop(reason)
  }

  #onRecord(record: RunRecord): void {
    if (record.end !== undefined) this.copies.get(record.id)?.setEnd(record.end)
    // Two Pods have started the name: the producer that lost ends its run.
    const winner = this.directory.resolve(record.name)
    for (const { id } of this.directory.rivals(record)) {
      if (id === winner?.id) continue
      const run = this.#own.get(id)
      if (run === undefined) this.copies.get(id)?.touch()
      else queueMicrotask(() => run.stop('superseded'))
    }
    this.#review.schedule()
  }

  #onEnd(run: Run, { state, reason, chunks }: RunEnd): void {
    this.#own.delete(run.id)
    this.#reports.onEnd(run.name, state, run.stopReason === 'superseded')
    // The log of an incarnation that has ended goes to no peer.
    if (this.#isStopped) return
    const { seq: end } = parseRunId(run.id) as { seq: number }
    this.#append({ end, state, reason, chunks })
  }

  /** Appends a header to the log; returns its seq. */
  #append(run: RunHeader): number {
    const { log, clock } = this.#options
    const now = clock.now()
    return log.append(log.epoch, { run }, now, now).seq
  }

  #onConflict(id: RunId): void {
    const message = `Received a second end of the run ${id} that differs from the first one; ignored it`
    this.#options.errors.report(new SserError('conflicting-event', message), { stage: 'receive' })
  }

  #onPeersChange(): void {
    for (const copy of this.copies.values()) if (copy.readers > 0) copy.touch()
  }

  #isOver(record: RunRecord): boolean {
    return record.end !== undefined || this.liveness(record) === 'lost'
  }
}
