import type { RunEndState, RunId } from '../wire/runs.ts'
import type { RunCopy } from './run-copy.ts'
import type { RunRecord } from './run-directory.ts'
import type { Liveness } from './run-liveness.ts'

/** Nothing has arrived from the producer's Pod for some seconds. The run goes on when it returns. */
export interface RunInterrupted {
  /** Tells it from a chunk. */
  readonly type: 'interrupted'
}

/** The producer's Pod is back. */
export interface RunResumed {
  /** Tells it from a chunk. */
  readonly type: 'resumed'
}

/** The last item. */
export interface RunEnded {
  /** Tells it from a chunk. */
  readonly type: 'end'
  /** How the run has ended; `lost`: its producer's Pod has gone, and no Pod has more of it. */
  readonly state: RunEndState | 'lost'
  /** Reason that the producer has given, or `draining`, `superseded` or `process-paused`. */
  readonly reason?: string | undefined
}

/** A slice of consecutive chunks, or a notification; `gap`: the reader goes on with the chunk at `index`. */
export type RunSlice =
  | { readonly type: 'chunks'; readonly from: number; readonly chunks: readonly string[] }
  | { readonly type: 'gap'; readonly index: number }
  | RunInterrupted
  | RunResumed
  | RunEnded

/** The runs of a Pod, as a reader sees them. */
export interface ReaderContext {
  /** The copy of a run, which is fetched while a reader follows it. */
  open(record: RunRecord): RunCopy
  /** A reader leaves the copy. */
  close(copy: RunCopy): void
  resolve(name: string): RunRecord | undefined
  /** Returns whether this Pod is the producer of the run. */
  isOwn(id: RunId): boolean
  liveness(record: RunRecord): Liveness
  /** True if no reachable Pod has more of the run than this Pod. */
  hasAll(id: RunId): boolean
}

export interface RunReaderOptions {
  context: ReaderContext
  record: RunRecord
  /** Index of the first chunk. */
  from: number
  /** Begins with a gap, because the id of the client is of another run. */
  hasGap: boolean
  /** True if the consumer knows that the run is interrupted. @default false */
  isInterrupted?: boolean
}

/** A cursor over the copy of a run. It holds no chunks: while its consumer does not read, it costs nothing. */
export class RunReader {
  readonly #context: ReaderContext
  #record: RunRecord
  #copy: RunCopy
  #cursor: number
  #hasGap: boolean
  #isInterrupted: boolean
  #isDone = false
  #listener: (() => void) | undefined
  #stopFollowing: (() => void) | undefined

  constructor({ context, record, from, hasGap, isInterrupted = false }: RunReaderOptions) {
    this.#context = context
    this.#record = record
    this.#copy = context.open(record)
    this.#cursor = from
    this.#hasGap = hasGap
    this.#isInterrupted = isInterrupted
  }

  /** The run that it reads; another one after a gap, if two Pods have started the name at once. */
  get id(): RunId {
    return this.#record.id
  }

  /** Three characters that each id of the run's chunks ends with. */
  get check(): string {
    return this.#copy.check
  }

  /** Index of the next chunk. */
  get cursor(): number {
    return this.#cursor
  }

  /** True if this Pod is the producer. */
  get isOwn(): boolean {
    return this.#context.isOwn(this.#record.id)
  }

  /** True if it has told that the run is interrupted, and not that it is resumed. */
  get isInterrupted(): boolean {
    return this.#isInterrupted
  }

  /** True after the end, or {@link close}. */
  get isDone(): boolean {
    return this.#isDone
  }

  /** Calls `listener` when {@link read} may return more, at most once in a turn of the event loop. */
  follow(listener: () => void): void {
    this.#listener = listener
    this.#stopFollowing?.()
    this.#stopFollowing = this.#copy.follow(listener)
  }

  /** The next slice of about `maxUnits` UTF-16 units at most; undefined: there is none yet, or the reader is done. */
  read(maxUnits: number): RunSlice | undefined {
    if (this.#isDone) return undefined
    if (this.#hasGap || this.#cursor < this.#copy.first) {
      this.#hasGap = false
      this.#cursor = Math.max(this.#cursor, this.#copy.first)
      return { type: 'gap', index: this.#cursor }
    }
    const from = this.#cursor
    if (from < this.#copy.next) {
      if (this.#isInterrupted && this.#context.liveness(this.#record) === 'alive')
        return this.#setInterrupted(false)
      const chunks = this.#copy.read(from, maxUnits)
      this.#cursor += chunks.length
      return { type: 'chunks', from, chunks }
    }
    const { end } = this.#copy
    return end === undefined ? this.#readAlive() : this.#readEnd(end.chunks, end.state, end.reason)
  }

  /** Ends the reader. */
  close(): void {
    if (this.#isDone) return
    this.#isDone = true
    this.#leave()
  }

  #readEnd(chunks: number, state: RunEndState, reason: string | undefined): RunSlice | undefined {
    const { id, name } = this.#record
    const winner = reason === 'superseded' ? this.#context.resolve(name) : undefined
    if (winner !== undefined && winner.id !== id) return this.#moveTo(winner)
    if (this.#cursor < chunks) {
      if (!this.#context.hasAll(id)) return this.#readLiveness()
      this.#cursor = chunks
      return { type: 'gap', index: chunks }
    }
    this.close()
    return reason === undefined ? { type: 'end', state } : { type: 'end', state, reason }
  }

  #readAlive(): RunSlice | undefined {
    const { id, name } = this.#record
    if (this.#context.liveness(this.#record) !== 'lost' || !this.#context.hasAll(id))
      return this.#readLiveness()
    const other = this.#context.resolve(name)
    if (other !== undefined && other.id !== id) return this.#moveTo(other)
    this.close()
    return { type: 'end', state: 'lost' }
  }

  #readLiveness(): RunSlice | undefined {
    const isInterrupted = this.#context.liveness(this.#record) !== 'alive'
    return isInterrupted === this.#isInterrupted ? undefined : this.#setInterrupted(isInterrupted)
  }

  #setInterrupted(isInterrupted: boolean): RunSlice {
    this.#isInterrupted = isInterrupted
    return { type: isInterrupted ? 'interrupted' : 'resumed' }
  }

  #moveTo(record: RunRecord): RunSlice {
    this.#leave()
    this.#record = record
    this.#copy = this.#context.open(record)
    this.#cursor = this.#copy.first
    if (this.#listener !== undefined) this.follow(this.#listener)
    return { type: 'gap', index: this.#cursor }
  }

  #leave(): void {
    this.#stopFollowing?.()
    this.#stopFollowing = undefined
    this.#context.close(this.#copy)
  }
}
