import { ageMs, keepAlive } from '../clock.ts'
import { SserError, stopped } from '../errors.ts'
import type { Run } from '../runs/run.ts'
import type { RunRecord } from '../runs/run-directory.ts'
import type { CancelOutcome } from '../runs/run-peers.ts'
import { pump, type RunSource } from '../runs/run-source.ts'
import { RunSubscriber, RunSubscription } from '../runs/run-subscription.ts'
import { runTextStream } from '../runs/run-text-stream.ts'
import type { Runs } from '../runs/runs.ts'
import type { RunEndState } from '../wire/runs.ts'
import {
  checkCancelRunOptions,
  checkReadRunOptions,
  checkRunName,
  checkStartRunOptions,
} from './call-arguments.ts'
import type { SharedParts } from './incarnation.ts'
import type { Membership } from './membership.ts'
import type { Subscriptions } from './subscriptions.ts'

/** Options of `startRun()`. */
export interface StartRunOptions {
  /**
   * Texts that are written to the run, which ends by itself: `ended` after the last one, `failed` where the source throws. It
   * goes on when the request that has started it goes away. Empty texts are left out.
   * @default none: call `run.write()` and `run.end()`
   */
  from?: RunSource | undefined
  /**
   * Starts a run whose name belongs to one that has ended, or is lost, for a retry. A new name for each run needs no
   * replacement.
   * @default false
   */
  replace?: boolean | undefined
  /** Cancels the run when it aborts, as `cancelRun()` does. */
  signal?: AbortSignal | undefined
  /**
   * With `from`: time without a text after which the run ends as `failed`, with the reason `idle`, in milliseconds.
   * @default no limit
   */
  maxIdleMs?: number | undefined
  /**
   * With `from`: readers are told the message of an error that the source throws, as the reason. Messages can contain secrets.
   * @default false: it goes to `onError` alone
   */
  exposeErrors?: boolean | undefined
}

/** Options of `readRun()` and `runStream()`. */
export interface ReadRunOptions {
  /**
   * Start of the reader: after the chunk with this id. An id of another run of this name is a gap, and the reader begins at the
   * first chunk.
   * @default with the first chunk
   */
  after?: string | undefined
  /**
   * `'start'`, or `'now'` for the chunks that are written from now on. `after` comes first where both are given.
   * @default 'start'
   */
  from?: 'start' | 'now' | undefined
  /** Ends the reader when it aborts: the loop over it ends without an error. */
  signal?: AbortSignal | undefined
}

/** The answer of `cancelRun()`. */
export interface CancelReceipt {
  /** The id of the run that the name belongs to. */
  id: string
  /**
   * `cancelled`: the producer has heard it, and its `run.signal` has aborted. `not-running`: the run had ended. `unreachable`:
   * the producer's Pod did not answer; it hears the cancellation when it can be reached again.
   */
  outcome: CancelOutcome
}

/** State of a run, as this Pod knows it. */
export interface RunStatus {
  /** Id of the run: another start of the same name has another one. */
  id: string
  name: string
  /**
   * `interrupted`: nothing has arrived from the producer's Pod for some seconds. `lost`: that Pod has gone, and the run has no
   * end.
   */
  state: 'running' | 'interrupted' | 'lost' | RunEndState
  /** Reason of the end, where the producer has given one. */
  reason?: string
  /** Number of chunks, as far as this Pod knows. */
  chunks: number
  /** Time since the start, in milliseconds. */
  ageMs: number
}

export interface RunCallsOptions extends Pick<SharedParts, 'settings' | 'clock' | 'errors'> {
  membership: Membership
  subscriptions: Subscriptions
}

/** The calls of an instance that concern runs, over all its incarnations. */
export class RunCalls {
  readonly #options: RunCallsOptions
  #isDraining = false

  constructor(options: RunCallsOptions) {
    this.#options = options
  }

  async start(name: string, options: StartRunOptions): Promise<Run> {
    const fault = checkStartRunOptions(options) ?? checkRunName('startRun()', name)
    if (fault !== undefined) throw fault
    const { from, replace = false, signal, maxIdleMs, exposeErrors = false } = options
    signal?.throwIfAborted()
    const runs = await this.#joined(signal)
    if (this.#isDraining) throw stopped()
    const run = await runs.start(name, replace)
    const { clock, errors } = this.#options
    if (signal !== undefined) {
      const cancel = () => void run.cancel()
      signal.addEventListener('abort', cancel, { once: true })
      void run.closed.then(() => signal.removeEventListener('abort', cancel))
      if (signal.aborted) cancel()
    }
    if (from !== undefined) pump(run, from, { clock, errors, maxIdleMs, exposeErrors })
    return run
  }

  read(name: string, options: ReadRunOptions, call = 'readRun()'): RunSubscription {
    const fault = checkReadRunOptions(call, options) ?? checkRunName(call, name)
    if (fault !== undefined) throw fault
    const { subscriptions } = this.#options
    subscriptions.requireCapacity()
    const { after, from = 'start', signal } = options
    const onClose = (closed: RunSubscriber) => subscriptions.remove(closed)
    const subscriber = new RunSubscriber({ name, after, from, onClose })
    const subscription = new RunSubscription(subscriber)
    subscriptions.add(subscriber, subscription, signal)
    return subscription
  }

  text(name: string, options: ReadRunOptions): ReadableStream<string> {
    return runTextStream(name, this.read(name, options, 'runStream()'), options.after !== undefined)
  }

  async cancel(name: string, options: { signal?: AbortSignal | undefined }): Promise<CancelReceipt> {
    const fault = checkCancelRunOptions(options) ?? checkRunName('cancelRun()', name)
    if (fault !== undefined) throw fault
    const { signal } = options
    signal?.throwIfAborted()
    const runs = await this.#joined(signal)
    const cancel = async (): Promise<CancelReceipt> => {
      const { record } = await runs.find(name, { after: undefined, from: 'start' }, signal)
      return { id: record.id, outcome: await runs.cancel(record) }
    }
    return keepAlive(this.#options.clock, cancel())
  }

  async status(name: string): Promise<RunStatus | undefined> {
    const fault = checkRunName('run()', name)
    if (fault !== undefined) throw fault
    const runs = await this.#joined(undefined)
    if (runs.resolve(name) === undefined) await runs.ask({ names: [name] })
    const record = runs.resolve(name)
    return record && this.#statusOf(runs, record)
  }

  /** Waits until the runs of this Pod have ended; after `timeoutMs`, ends them. New ones are not started from here on. */
  async drain(timeoutMs: number): Promise<void> {
    this.#isDraining = true
    await this.#options.membership.incarnation.runs.drain(timeoutMs)
  }

  #statusOf(runs: Runs, record: RunRecord): RunStatus {
    const { id, name, end, startedAt } = record
    return {
      id,
      name,
      state: runs.stateOf(record),
      ...(end?.reason !== undefined && { reason: end.reason }),
      chunks: runs.chunksOf(record),
      ageMs: ageMs(startedAt, this.#options.clock.now()),
    }
  }

  /** The runs of the current incarnation, once it has joined the fleet. */
  async #joined(signal: AbortSignal | undefined): Promise<Runs> {
    const { membership, subscriptions } = this.#options
    if (subscriptions.isStopped) throw stopped()
    if (membership.joining === undefined)
      throw new SserError(
        'not-started',
        'This instance was not started: await serve({ sser, … }) or join({ sser, … }), or without a port await sser.start(), before a call for runs',
      )
    if (!membership.current().mesh.isReady) await membership.joining
    if (subscriptions.isStopped) throw stopped()
    signal?.throwIfAborted()
    return membership.incarnation.runs
  }
}
