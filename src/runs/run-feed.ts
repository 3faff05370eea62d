import type { Clock } from '../clock.ts'
import { SserError } from '../errors.ts'
import { MAX_WANTS, type RunPart } from '../wire/run-messages.ts'
import type { RunEnd, RunId } from '../wire/runs.ts'
import type { RunCopy } from './run-copy.ts'

/** Approximate units of JSON around a chunk, and around a part. */
const CHUNK_UNITS = 3
const PART_UNITS = 60
/** Time for which the chunks of a run gather that the peer only holds, in milliseconds, and the number that ends it. */
const GATHER_MS = 200
const MAX_GATHERED = 64

/** The copies of this Pod, as a source of chunks sees them. */
export interface FeedSource {
  readonly clock: Clock
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
  /** True if no reader of the peer waits for its chunks. */
  isHeld: boolean
}

/** The chunks that one exchange sends: a cursor over each copy that the peer wants. */
export class RunFeed {
  readonly #source: FeedSource
  readonly #push: () => void
  readonly #wants = new Map<RunId, Want>()
  /** The runs with something to send, in the order in which they take turns. */
  readonly #due = new Set<RunId>()
  /** The runs whose chunks gather. */
  readonly #gathering = new Set<RunId>()
  #cancelGather: (() => void) | undefined
  /** The runs for whose chunks a call waits, until they are sent. */
  readonly #awaited = new Set<RunId>()

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
    this.#wants.set(id, {
      from,
      copy: undefined,
      stop: undefined,
      isEndTold: false,
      isPaused: false,
      isHeld: false,
    })
    this.#markDue(id)
  }

  /** A reader of the peer waits for the chunks of the run; without one, they may gather for a moment. */
  setRead(id: RunId, isRead: boolean): void {
    const want = this.#wants.get(id)
    if (want === undefined) return
    want.isHeld = !isRead
    if (isRead && this.#gathering.has(id)) this.#markDue(id)
  }

  /** Sends the chunks of the run that have gathered, because a call waits for them. Returns whether the peer wants the run. */
  flush(id: RunId): boolean {
    if (!this.#wants.has(id)) return false
    this.#awaited.add(id)
    this.#markDue(id)
    return true
  }

  /** True if there is something to send. */
  get isDue(): boolean {
    return this.#due.size > 0
  }

  /** True if a call waits for chunks that are not sent yet. */
  get isAwaited(): boolean {
    return this.#awaited.size > 0
  }

  unwant(id: RunId): void {
    this.#wants.get(id)?.stop?.()
    this.#wants.delete(id)
    this.#due.delete(id)
    this.#gathering.delete(id)
    this.#awaited.delete(id)
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
      if (!this.#due.has(id)) this.#awaited.delete(id)
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
    this.#gathering.clear()
    this.#awaited.clear()
    this.#cancelGather?.()
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
    want.stop = copy?.follow(() => this.#onChange(id, want, copy))
    return copy
  }

  #onChange(id: RunId, { isHeld, from }: Want, { next, end }: RunCopy): void {
    const gathers = isHeld && end === undefined && next - from < MAX_GATHERED
    if (!gathers) return this.#markDue(id)
    if (this.#due.has(id)) return
    this.#gathering.add(id)
    this.#cancelGather ??= this.#source.clock.after(GATHER_MS, () => {
      this.#cancelGather = undefined
      for (const gathered of this.#gathering) this.#markDue(gathered)
    })
  }

  #markDue(id: RunId): void {
    this.#gathering.delete(id)
    if (this.#due.has(id)) return
    this.#due.add(id)
    this.#push()
  }
}
