import { type Clock, keepAlive, pause } from '../clock.ts'
import { describeValue, SserError } from '../errors.ts'
import { validateMessage } from '../wire/names.ts'
import { formatChunkId, MAX_REASON_LENGTH, type RunEnd, type RunEndState, type RunId } from '../wire/runs.ts'
import type { RunCopy } from './run-copy.ts'

/** Why the signal of a run has aborted: a Pod has cancelled it, or the run can no longer be written here. */
export type RunStopReason = 'cancelled' | 'superseded' | 'draining' | 'process-paused'

/** Interval at which {@link Run.flush} looks at the other Pods, in milliseconds. */
const FLUSH_POLL_MS = 10
/** Time after the cancellation in which the application may still decide the end, in milliseconds. */
const CANCEL_GRACE_MS = 5_000

export interface RunOptions {
  copy: RunCopy
  clock: Clock
  maxMessageBytes: number
  flushTimeoutMs: number
  /** Sends the chunks at once to the Pods that hold the run. */
  onFlush(id: RunId): void
  /** Number of other Pods that hold the chunks before the index `next`. */
  heldBy(id: RunId, next: number): number
  holdersOf(id: RunId): number
  /** The run has ended. */
  onEnd(run: Run, end: RunEnd): void
}

/** A run that this Pod writes. Others read it by {@link Sser.readRun}, on any Pod. */
export class Run {
  /** Name under which it is read. */
  readonly name: string
  /** Id of the run: another start of the same name has another one. */
  readonly id: RunId
  readonly #options: RunOptions
  readonly #copy: RunCopy
  readonly #abort = new AbortController()
  readonly #closed = Promise.withResolvers<RunEnd>()
  #end: RunEnd | undefined
  #stopReason: RunStopReason | undefined
  /** The first half of a surrogate pair, whose second half begins the next chunk. */
  #half = ''
  #cancelTimer: (() => void) | undefined

  /** Use {@link Sser.startRun}. */
  constructor(options: RunOptions) {
    this.#options = options
    this.#copy = options.copy
    this.name = options.copy.name
    this.id = options.copy.id
  }

  /**
   * Aborts when a Pod has cancelled the run, or when it can no longer be written: pass it to the call that generates. After a
   * cancellation the application has 5 s to call {@link end} or {@link fail}; in all other cases the run has ended.
   */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** Why the {@link signal} has aborted; undefined: it has not. */
  get stopReason(): RunStopReason | undefined {
    return this.#stopReason
  }

  /** State of the run. */
  get state(): 'running' | RunEndState {
    return this.#end?.state ?? 'running'
  }

  /** Number of chunks so far. */
  get chunks(): number {
    return this.#end?.chunks ?? this.#copy.next
  }

  /** Id of the last chunk: a reader that passes it as `after` begins with the next one. Undefined before the first chunk. */
  get lastId(): string | undefined {
    const { chunks } = this
    return chunks === 0 ? undefined : formatChunkId(chunks - 1, this.#copy.check)
  }

  /** Resolves with the end of the run. */
  get closed(): Promise<RunEnd> {
    return this.#closed.promise
  }

  /**
   * Writes a chunk. It never waits, neither for readers nor for peers. Half of a surrogate pair at the end of the text is kept
   * for the next chunk.
   * @throws SserError `run-ended`, `empty-message`, `invalid-message` or `message-too-large`
   */
  write(chunk: string): void {
    if (this.#end !== undefined) throw this.#ended()
    if (chunk === '')
      throw new SserError(
        'empty-message',
        'run.write(): expected text, got the empty string: leave out the empty texts of a model',
      )
    const fault = validateMessage(chunk, this.#options.maxMessageBytes, 'run.write()')
    if (fault !== undefined) throw fault
    this.#push(this.#half === '' ? chunk : this.#half + chunk)
  }

  /** Ends the run: `ended`, or `cancelled` if it was cancelled. Without effect on a run that has ended. */
  end(): void {
    this.#close('ended', undefined)
  }

  /**
   * Ends the run as `failed`, or as `cancelled` if it was cancelled. Readers are told the `reason`, of which the first 200
   * characters count. Without effect on a run that has ended.
   * @throws SserError `invalid-argument` where the reason is no string
   */
  fail(reason?: string): void {
    if (reason !== undefined && typeof reason !== 'string')
      throw new SserError(
        'invalid-argument',
        `run.fail(): expected the reason as a string, got ${describeValue(reason)}; for an error, pass its message if clients may see it`,
      )
    this.#close('failed', reason)
  }

  /**
   * Resolves with the number of other Pods that hold all chunks so far, so that they survive a crash of this Pod: as soon as
   * all holders do, or after `ackTimeoutMs`.
   */
  flush(): Promise<number> {
    return keepAlive(this.#options.clock, this.#flush())
  }

  /** @internal Aborts the signal because a Pod has cancelled the run. Returns false where it has ended. */
  cancel(): boolean {
    if (this.#end !== undefined) return false
    if (this.#stopReason !== undefined) return true
    this.#stopReason = 'cancelled'
    this.#cancelTimer = this.#options.clock.after(CANCEL_GRACE_MS, () => this.#close('cancelled', undefined))
    this.#abort.abort(stopError('cancelled', this.name))
    return true
  }

  /** @internal Ends the run because this Pod can write it no longer. */
  stop(reason: Exclude<RunStopReason, 'cancelled'>): void {
    if (this.#end !== undefined) return
    const isCancelled = this.#stopReason !== undefined
    this.#stopReason ??= reason
    this.#close('failed', isCancelled ? undefined : reason)
    this.#abort.abort(stopError(reason, this.name))
  }

  async #flush(): Promise<number> {
    const { clock, flushTimeoutMs, onFlush, heldBy, holdersOf } = this.#options
    const { next } = this.#copy
    onFlush(this.id)
    const deadline = clock.now() + flushTimeoutMs
    for (;;) {
      const held = heldBy(this.id, next)
      if (held >= holdersOf(this.id) || clock.now() >= deadline) return held
      await pause(clock, FLUSH_POLL_MS)
    }
  }

  #push(text: string): void {
    const last = text.charCodeAt(text.length - 1)
    let chunk = text
    this.#half = ''
    if (last >= 0xd800 && last < 0xdc00) {
      this.#half = text.slice(-1)
      chunk = text.slice(0, -1)
      if (chunk === '') return
    }
    this.#copy.push(chunk.toWellFormed())
  }

  #close(state: RunEndState, reason: string | undefined): void {
    if (this.#end !== undefined) return
    this.#cancelTimer?.()
    if (this.#half !== '') this.#copy.push(this.#half.toWellFormed())
    const { next: chunks } = this.#copy
    const text = reason?.slice(0, MAX_REASON_LENGTH).toWellFormed()
    this.#end = {
      state: this.#stopReason === 'cancelled' ? 'cancelled' : state,
      ...(text !== undefined && text !== '' && { reason: text }),
      chunks,
    }
    this.#options.onEnd(this, this.#end)
    this.#closed.resolve(this.#end)
  }

  #ended(): SserError {
    const why = this.#stopReason === undefined ? '' : ` (${this.#stopReason})`
    return new SserError(
      'run-ended',
      `run.write(): the run ${describeValue(this.name)} has ${this.state === 'ended' ? 'ended' : `ended as ${this.state}`}${why}; stop writing when run.signal aborts`,
    )
  }
}

/** The reason of an aborted signal; calls that were given the signal reject with it. */
function stopError(reason: RunStopReason, name: string): DOMException {
  return new DOMException(`The run ${describeValue(name)} was stopped: ${reason}`, 'AbortError')
}
