import { SserError } from '../errors.ts'
import { MAX_WANTS, type RunPart } from '../wire/run-messages.ts'
import type { RunEnd, RunId } from '../wire/runs.ts'
import type { RunCopy } from './run-copy.ts'

/** Approximate units of JSON around a chunk, and around a part. */
const CHUNK_UNITS = 3
const PART_UNITS = 60

/** The copies of this Pod, as a source of chunks sees them. */
export interface FeedSource {
  copy(id: RunId): RunCopy | undefined
  /** The end of a run of which this Pod has no copy any more; undefined where it may get one. */
  evicted(id: RunId): { from: number; end: RunEnd | undefined } | undefined
}

/** A run that a peer wants. */
interface Want {
  /** Index of the next chunk to be sent. */
  from: number
  copy: RunCopy | undefined
  stop: (() => void) | undefined
  isEndTold: boolean
  /** True after a part with a floor, until the peer says from which chunk on it goes on. */
  isPaused: boolean
}

/** The chunks that one exchange sends: a cursor over each copy that the peer wants. */
export class RunFeed {
  readonly #source: FeedSource
  readonly #push: () => void
  readonly #wants = new Map<RunId, Want>()
  /** The runs with something to send, in the order in which they take turns. */
  readonly #due = new Set<RunId>()

  constructor(source: FeedSource, push: () => void) {
    this.#source = source
    this.#push = push
  }

  /** Number of runs that the peer wants. */
  get size(): number {
    return this.#wants.size
  }

  /** The peer lacks the chunks of the run from `from` on. @throws SserError where it wants too many */
  want(id: RunId, from: number): void {
    const known = this.#wants.get(id)
    if (known === undefined && this.#wants.size >= MAX_WANTS)
      throw new SserError('invalid-peer-message', `It wants more than ${MAX_WANTS} runs`)
    known?.stop?.()
    this.#wants.set(id, { from, copy: undefined, stop: undefined, isEndTold: false, isPaused: false })
    this.#markDue(id)
  }

  unwant(id: RunId): void {
    this.#wants.get(id)?.stop?.()
    this.#wants.delete(id)
    this.#due.delete(id)
  }

  /** There is a new copy of a run. */
  onCopy(id: RunId): void {
    if (this.#wants.has(id)) this.#markDue(id)
  }

  /** The peer has sent the chunks before `next` itself. */
  skip(id: RunId, next: number): void {
    const want = this.#wants.get(id)
    if (want !== undefined && !want.isPaused) want.from = Math.max(want.from, next)
  }

  /** The next parts, of some `maxUnits` UTF-16 units. */
  next(maxUnits: number): RunPart[] {
    const parts: RunPart[] = []
    let left = maxUnits
    for (const id of this.#due) {
      if (left <= 0) break
      this.#due.delete(id)
      const part = this.#part(id, left)
      if (part === undefined) continue
      parts.push(part)
      left -= PART_UNITS
      for (const chunk of part.chunks) left -= chunk.length + CHUNK_UNITS
    }
    return parts
  }

  close(): void {
    for (const { stop } of this.#wants.values()) stop?.()
    this.#wants.clear()
    this.#due.clear()
  }

  #part(id: RunId, maxUnits: number): RunPart | undefined {
    const want = this.#wants.get(id)
    if (want === undefined || want.isPaused) return undefined
    const copy = this.#follow(id, want)
    if (copy === undefined) return this.#evictedPart(id, want)
    if (want.from < copy.first) {
      want.isPaused = true
      return { id, from: copy.first, chunks: [], floor: true }
    }
    const { from } = want
    const chunks = copy.read(from, maxUnits)
    want.from = from + chunks.length
    const { end } = copy
    const isEndNew = end !== undefined && !want.isEndTold && want.from <= end.chunks
    want.isEndTold ||= isEndNew
    if (end !== undefined && want.from >= end.chunks) this.unwant(id)
    else if (want.from < copy.next) this.#due.add(id)
    if (chunks.length === 0 && !isEndNew) return undefined
    return isEndNew ? { id, from, chunks, end } : { id, from, chunks }
  }

  /** Tells the peer that the chunks are gone, where no copy is to come. */
  #evictedPart(id: RunId, want: Want): RunPart | undefined {
    const evicted = this.#source.evicted(id)
    if (evicted === undefined) return undefined
    want.isPaused = true
    return { id, from: Math.max(want.from, evicted.from), chunks: [], floor: true, end: evicted.end }
  }

  /** Follows the copy of the run; another one, after an eviction. */
  #follow(id: RunId, want: Want): RunCopy | undefined {
    const copy = this.#source.copy(id)
    if (copy === want.copy) return copy
    want.stop?.()
    want.copy = copy
    want.stop = copy?.follow(() => this.#markDue(id))
    return copy
  }

  #markDue(id: RunId): void {
    if (this.#due.has(id)) return
    this.#due.add(id)
    this.#push()
  }
}
