import { isSameEnd, type RunEnd, type RunId, runCheck } from '../wire/runs.ts'
import { RunText } from './run-text.ts'

/** Receives the changes of a copy; called at most once in a turn of the event loop. */
export type CopyListener = () => void

/** Memory and turns of the copies of a Pod. */
export interface CopyContext {
  /** The memory of a copy has changed by `bytes`. */
  onBytes(bytes: number): void
  /** The end of a copy's run is known. */
  onEnd(copy: RunCopy): void
  /** The listeners of a copy are to be called in this turn of the event loop. */
  onChange(copy: RunCopy): void
}

/** The chunks of one run that this Pod holds, and its end once it is known. Readers and links are cursors over it. */
export class RunCopy {
  readonly id: RunId
  readonly name: string
  /** Three characters that each id of its chunks ends with. */
  readonly check: string
  readonly #context: CopyContext
  readonly #text = new RunText()
  readonly #listeners = new Set<CopyListener>()
  #end: RunEnd | undefined
  #isChanged = false
  /** Number of readers of this Pod. */
  readers = 0

  constructor(id: RunId, name: string, context: CopyContext) {
    this.id = id
    this.name = name
    this.check = runCheck(id)
    this.#context = context
  }

  /** Index of the first chunk that it holds. */
  get first(): number {
    return this.#text.first
  }

  /** Index of the next chunk, which it lacks. */
  get next(): number {
    return this.#text.next
  }

  /** The end of the run, once it is known; chunks before it may still be missing. */
  get end(): RunEnd | undefined {
    return this.#end
  }

  /** Number of chunks of the run; infinite until the end is known. */
  get maxChunks(): number {
    return this.#end?.chunks ?? Number.POSITIVE_INFINITY
  }

  /** True if a reader or a link follows it. */
  get isFollowed(): boolean {
    return this.#listeners.size > 0
  }

  /** True if the end is known, and no chunk is to come. */
  get isComplete(): boolean {
    return this.#end !== undefined && this.next >= this.#end.chunks
  }

  /** Approximate memory of its chunks. */
  get bytes(): number {
    return this.#text.bytes
  }

  /** Adds the next chunk of a run of this Pod. */
  push(chunk: string): void {
    const before = this.#text.bytes
    this.#text.push(chunk)
    this.#change(before)
  }

  /**
   * Adds the chunks from the index `from` on, without those that it has; ignores them where a chunk before `from` is
   * missing. Returns the index of the first chunk that contradicts one that it holds, which stays, or the end; undefined
   * without one.
   */
  append(from: number, chunks: readonly string[]): number | undefined {
    const { first, next } = this.#text
    if (from + chunks.length > this.maxChunks) return this.maxChunks
    if (from > next) return undefined
    const contradicted = this.#contradicted(from, chunks, Math.max(from, first), next)
    if (contradicted !== undefined) return contradicted
    const before = this.#text.bytes
    for (let i = next - from; i < chunks.length; i += 1) this.#text.push(chunks[i] as string)
    if (this.#text.next === next) return undefined
    if (this.isComplete) this.#text.seal()
    this.#change(before)
    return undefined
  }

  /** Begins again at the chunk `first`, because no Pod has the ones before it that this copy lacks. */
  skipTo(first: number): void {
    if (first <= this.next) return
    const before = this.#text.bytes
    this.#text.restart(first)
    this.#change(before)
  }

  /** Sets the end. Returns false where it contradicts the one that is known, which stays. */
  setEnd(end: RunEnd): boolean {
    if (this.#end !== undefined) return isSameEnd(this.#end, end)
    this.#end = end
    const before = this.#text.bytes
    if (this.isComplete) this.#text.seal()
    this.#change(before)
    this.#context.onEnd(this)
    return true
  }

  /** Chunks from the index `from` on, at least one where it has that chunk, and about `maxUnits` UTF-16 units at most. */
  read(from: number, maxUnits: number): readonly string[] {
    return this.#text.read(from, maxUnits)
  }

  /** Calls `listener` after changes, once in a turn of the event loop, until the returned function is called. */
  follow(listener: CopyListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Calls the listeners; {@link CopyContext.onChange} asks for it. */
  notify(): void {
    this.#isChanged = false
    for (const listener of this.#listeners) listener()
  }

  /** Drops the oldest chunks, a page of them. */
  dropOldest(): void {
    const before = this.#text.bytes
    this.#text.dropPage()
    this.#change(before)
  }

  /** Drops all chunks. Readers that lack some get a gap. */
  drop(): void {
    const before = this.#text.bytes
    this.#text.restart(this.next)
    this.#change(before)
  }

  /** Calls the listeners in this turn, because something has changed that readers look at. */
  touch(): void {
    if (this.#isChanged || this.#listeners.size === 0) return
    this.#isChanged = true
    this.#context.onChange(this)
  }

  #contradicted(from: number, chunks: readonly string[], begin: number, end: number): number | undefined {
    const stop = Math.min(end, from + chunks.length)
    for (let at = begin; at < stop; ) {
      const held = this.#text.read(at, Number.POSITIVE_INFINITY)
      for (const chunk of held) {
        if (at >= stop) break
        if (chunks[at - from] !== chunk) return at
        at += 1
      }
      if (held.length === 0) return undefined
    }
    return undefined
  }

  #change(bytesBefore: number): void {
    const bytes = this.#text.bytes - bytesBefore
    if (bytes !== 0) this.#context.onBytes(bytes)
    this.touch()
  }
}
