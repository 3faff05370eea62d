import { formatChunkId } from '../wire/runs.ts'
import type { RunStart } from './run-lookup.ts'
import type { RunEnded, RunInterrupted, RunReader, RunResumed } from './run-reader.ts'
import type { Runs } from './runs.ts'

/** UTF-16 units that a subscription takes from the copy at once. */
const SLICE_UNITS = 16_384

/** A chunk of a run. */
export interface RunChunk {
  /** Tells it from the other items. */
  readonly type: 'chunk'
  /** Pass it as `after` to go on with the next chunk, on any Pod. */
  readonly id: string
  /** Its place among the chunks of the run, from 0. */
  readonly index: number
  /** The text that `run.write()` was given. */
  readonly text: string
}

/** Chunks before `index` are missing, or are those of another run that the name had before. */
export interface RunGap {
  /** Tells it from a chunk. */
  readonly type: 'gap'
  /** Pass it as `after`, in place of the id of the last chunk, to go on here; undefined: with the first chunk. */
  readonly id: string | undefined
  /** Index of the chunk with which the reader goes on. */
  readonly index: number
}

/** One result of a reader of a run. */
export type RunItem = RunChunk | RunGap | RunInterrupted | RunResumed | RunEnded

export type RunItemResult = IteratorResult<RunItem, undefined>

export interface RunSubscriberOptions extends RunStart {
  name: string
  onClose(subscriber: RunSubscriber): void
}

const DONE: RunItemResult = Object.freeze({ done: true, value: undefined })
const NO_CHUNKS: readonly string[] = []

/** The state of one loop over a run. It reads a slice of the copy when its consumer asks, and holds that slice alone. */
export class RunSubscriber {
  readonly #options: RunSubscriberOptions
  #start: RunStart
  #runs: Runs | undefined
  #reader: RunReader | undefined
  #isInterrupted = false
  #chunks: readonly string[] = NO_CHUNKS
  #chunksFrom = 0
  #check = ''
  #taken = 0
  /** The calls of `next()` that wait, in their order. */
  readonly #pending: ((result: RunItemResult | Promise<never>) => void)[] = []
  readonly #abort = new AbortController()
  #last: RunItem | undefined
  #error: Error | undefined
  #isWaking = false
  #isFinishing = false
  #isClosed = false

  constructor(options: RunSubscriberOptions) {
    this.#options = options
    this.#start = options
  }

  /** The next item; the promise is pending until there is one, or the loop ends. */
  next(): Promise<RunItemResult> {
    return new Promise((resolve) => {
      this.#pending.push(resolve)
      this.wake()
    })
  }

  /** Begins to read in an incarnation of this Pod. */
  attach({ runs }: { runs: Runs }): void {
    if (this.#isClosed) return
    this.#runs = runs
    void this.#open(runs)
  }

  /** Leaves an incarnation that ends; the run goes on in the next one, unless this Pod wrote it. */
  detach(): void {
    const reader = this.#reader
    this.#runs = undefined
    this.#reader = undefined
    if (reader === undefined) return
    reader.close()
    const { cursor, isInterrupted } = reader
    this.#isInterrupted = isInterrupted
    if (reader.isOwn) return this.#end({ type: 'end', state: 'lost', reason: 'process-paused' })
    this.#start = { after: idBefore(cursor, reader.check), from: 'start' }
  }

  /** Hands out what there is while calls of `next()` wait. */
  wake(): void {
    // A close within comes back here.
    if (this.#isWaking) return
    this.#isWaking = true
    while (this.#pending.length > 0) {
      const result = this.#take()
      if (result === undefined) break
      this.#pending.shift()?.(result)
    }
    this.#isWaking = false
  }

  /** Ends the loop once it has what this Pod has of the run. */
  finish(): void {
    this.#isFinishing = true
    if (this.#reader === undefined) this.discard()
    else this.wake()
  }

  /** Ends the loop at once. */
  discard(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#chunks = NO_CHUNKS
    this.#abort.abort()
    this.#reader?.close()
    this.#reader = undefined
    this.#options.onClose(this)
    this.wake()
  }

  async #open(runs: Runs): Promise<void> {
    const { name } = this.#options
    try {
      const found = await runs.find(name, this.#start, this.#abort.signal)
      if (this.#isClosed || this.#runs !== runs) return
      this.#reader = runs.read(found, this.#isInterrupted)
      this.#reader.follow(() => this.wake())
    } catch (error) {
      if (this.#isClosed || this.#runs !== runs) return
      this.#error = error as Error
    }
    this.wake()
  }

  #take(): RunItemResult | Promise<never> | undefined {
    const chunk = this.#takeChunk()
    if (chunk !== undefined) return { done: false, value: chunk }
    const last = this.#last
    if (last !== undefined) {
      this.#last = undefined
      this.discard()
      return { done: false, value: last }
    }
    if (this.#error !== undefined) {
      const error = this.#error
      this.#error = undefined
      this.discard()
      return Promise.reject(error)
    }
    if (this.#isClosed) return DONE
    const reader = this.#reader
    const slice = reader?.read(SLICE_UNITS)
    if (slice === undefined) {
      if (!this.#isFinishing || reader === undefined) return undefined
      this.discard()
      return DONE
    }
    if (slice.type === 'chunks') {
      this.#chunks = slice.chunks
      this.#chunksFrom = slice.from
      this.#check = reader?.check ?? ''
      this.#taken = 0
      return this.#take()
    }
    if (slice.type === 'end') this.discard()
    if (slice.type !== 'gap') return { done: false, value: slice }
    const { index } = slice
    return { done: false, value: { type: 'gap', id: idBefore(index, reader?.check ?? ''), index } }
  }

  #takeChunk(): RunChunk | undefined {
    const text = this.#chunks[this.#taken]
    if (text === undefined) return undefined
    const index = this.#chunksFrom + this.#taken
    this.#taken += 1
    if (this.#taken === this.#chunks.length) this.#chunks = NO_CHUNKS
    return { type: 'chunk', id: formatChunkId(index, this.#check), index, text }
  }

  #end(item: RunItem): void {
    this.#last = item
    this.wake()
  }
}

/** The id that goes on with the chunk at `index`. */
function idBefore(index: number, check: string): string | undefined {
  return index === 0 ? undefined : formatChunkId(index - 1, check)
}

/**
 * The chunks of a run, for one loop: `for await (const item of subscription)`. It ends after the item `end`; without one if its
 * signal aborts, its loop is left, or the instance stops.
 */
export class RunSubscription implements AsyncIterableIterator<RunItem, undefined, void> {
  readonly #subscriber: RunSubscriber

  constructor(subscriber: RunSubscriber) {
    this.#subscriber = subscriber
  }

  /** The next item, as soon as there is one. @throws SserError `run-not-found` */
  next(): Promise<RunItemResult> {
    return this.#subscriber.next()
  }

  /** Ends the subscription at once, also while a `next()` is pending; leaving a loop calls it. */
  return(): Promise<RunItemResult> {
    this.#subscriber.discard()
    return Promise.resolve(DONE)
  }

  /** Ends the subscription, and rejects with `error`. */
  throw(error: unknown): Promise<RunItemResult> {
    this.#subscriber.discard()
    return Promise.reject(error)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#subscriber.discard()
  }
}
