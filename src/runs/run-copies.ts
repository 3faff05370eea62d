import { type Clock, oncePerTurn } from '../clock.ts'
import type { RunId } from '../wire/runs.ts'
import { type CopyContext, RunCopy } from './run-copy.ts'
import type { RunRecord } from './run-directory.ts'

/** Part of `maxBytes` down to which copies are evicted at once, so that not every further chunk evicts. */
const EVICT_TO = 15 / 16
/** Approximate memory of a copy without its chunks. */
const COPY_BYTES = 600

export interface RunCopiesOptions {
  clock: Clock
  maxBytes: number
  /** The end of a run has come: from the log, or with its last chunks. */
  onEnd(copy: RunCopy): void
  /** The memory limit has taken chunks from a copy. */
  onEvict(isRunning: boolean): void
  /** Returns whether this Pod is the producer or a holder. */
  mustHold(id: RunId): boolean
}

/** The copies that this Pod holds, bounded by memory. */
export class RunCopies implements CopyContext {
  readonly #options: RunCopiesOptions
  readonly #copies = new Map<RunId, RunCopy>()
  /** Copies of ended runs, in the order in which this Pod learned of their ends. */
  readonly #ended = new Set<RunCopy>()
  /** Copies whose listeners are to be called. */
  #changed: RunCopy[] = []
  #bytes = 0
  /** Memory above which copies are evicted next. */
  #evictAbove: number
  #isEvicting = false
  readonly #notifyAtTurnEnd: () => void

  constructor(options: RunCopiesOptions) {
    this.#options = options
    this.#evictAbove = options.maxBytes
    // All that changes in one turn of the event loop is one change for readers and links.
    this.#notifyAtTurnEnd = oncePerTurn(options.clock, () => this.#notify())
  }

  /** Approximate memory of all copies. */
  get bytes(): number {
    return this.#bytes + this.#copies.size * COPY_BYTES
  }

  /** Number of copies. */
  get size(): number {
    return this.#copies.size
  }

  get(id: RunId): RunCopy | undefined {
    return this.#copies.get(id)
  }

  /** All copies. */
  values(): Iterable<RunCopy> {
    return this.#copies.values()
  }

  /** The copy of a run; creates an empty one if there is none. */
  ensure({ id, name, end }: RunRecord): RunCopy {
    let copy = this.#copies.get(id)
    if (copy !== undefined) return copy
    // Before the new copy is one of them, because nothing reads it yet.
    if (this.bytes + COPY_BYTES > this.#evictAbove) this.#makeRoom()
    copy = new RunCopy(id, name, this)
    this.#copies.set(id, copy)
    if (end !== undefined) copy.setEnd(end)
    return copy
  }

  onEnd(copy: RunCopy): void {
    this.#ended.add(copy)
    this.#options.onEnd(copy)
  }

  /** Drops the copy of a run; readers that lack chunks of it get a gap. */
  remove(id: RunId): void {
    const copy = this.#copies.get(id)
    if (copy === undefined) return
    this.#copies.delete(id)
    this.#ended.delete(copy)
    copy.drop()
    const { maxBytes } = this.#options
    // Many copies without chunks may have raised it.
    if (this.bytes <= maxBytes * EVICT_TO) this.#evictAbove = maxBytes
  }

  onBytes(bytes: number): void {
    this.#bytes += bytes
    if (bytes > 0 && this.bytes > this.#evictAbove) this.#makeRoom()
  }

  onChange(copy: RunCopy): void {
    this.#changed.push(copy)
    this.#notifyAtTurnEnd()
  }

  #notify(): void {
    const changed = this.#changed
    this.#changed = []
    for (const copy of changed) copy.notify()
  }

  #makeRoom(): void {
    if (this.#isEvicting) return
    this.#isEvicting = true
    const target = this.#options.maxBytes * EVICT_TO
    for (const copy of this.#copies.values()) {
      if (this.bytes <= target) break
      if (!copy.isFollowed && copy.readers === 0 && !this.#options.mustHold(copy.id)) this.#evict(copy.id)
    }
    for (const copy of this.#ended) {
      if (this.bytes <= target) break
      if (!copy.isFollowed && copy.readers === 0) this.#evict(copy.id)
      else if (copy.bytes > 0) {
        copy.drop()
        this.#options.onEvict(false)
      }
    }
    while (this.bytes > target && this.#halveLargest(target));
    // Copies take memory without chunks, too: where there are too many of them, each further chunk would look at all in vain.
    const { maxBytes } = this.#options
    this.#evictAbove = this.bytes > target ? this.bytes + (maxBytes - target) : maxBytes
    this.#isEvicting = false
  }

  /** Drops the older half of the largest copies, down to the size that the first one has then. False: there are no chunks. */
  #halveLargest(target: number): boolean {
    const bySize = [...this.#copies.values()]
      .filter(({ bytes }) => bytes > 0)
      .sort((a, b) => b.bytes - a.bytes)
    const [largest] = bySize
    for (const copy of bySize) {
      if (this.bytes <= target || (copy !== largest && copy.bytes < (largest?.bytes ?? 0))) break
      for (const enough = copy.bytes / 2; this.bytes > target && copy.bytes > enough; ) copy.dropOldest()
      this.#options.onEvict(true)
    }
    return largest !== undefined
  }

  #evict(id: RunId): void {
    this.remove(id)
    this.#options.onEvict(false)
  }
}
