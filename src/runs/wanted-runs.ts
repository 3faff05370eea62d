import type { RunId } from '../wire/runs.ts'
import type { RunWant } from './run-want.ts'

/** The runs that this Pod wants, by id, by producer, and those of which peers are to be asked. */
export class WantedRuns {
  readonly #wants = new Map<RunId, RunWant>()
  readonly #byProducer = new Map<string, Set<RunWant>>()
  /** The wants that have another source than the producer, or none, or of which it matters whether a peer has more. */
  readonly #open = new Set<RunWant>()

  get size(): number {
    return this.#wants.size
  }

  /** True if peers are to be asked at some time. */
  get hasOpen(): boolean {
    return this.#open.size > 0
  }

  get(id: RunId): RunWant | undefined {
    return this.#wants.get(id)
  }

  values(): Iterable<RunWant> {
    return this.#wants.values()
  }

  /** The wants of the runs of one Pod. */
  of(producer: string): Iterable<RunWant> {
    return this.#byProducer.get(producer) ?? []
  }

  /** The wants of which peers are to be asked. */
  open(): Iterable<RunWant> {
    return this.#open
  }

  isOpen(want: RunWant): boolean {
    return this.#open.has(want)
  }

  setOpen(want: RunWant, isOpen: boolean): void {
    if (isOpen) this.#open.add(want)
    else this.#open.delete(want)
  }

  add(want: RunWant): void {
    this.#wants.set(want.id, want)
    const others = this.#byProducer.get(want.producer)
    if (others === undefined) this.#byProducer.set(want.producer, new Set([want]))
    else others.add(want)
  }

  delete(want: RunWant): void {
    this.#wants.delete(want.id)
    this.#open.delete(want)
    const others = this.#byProducer.get(want.producer)
    others?.delete(want)
    if (others?.size === 0) this.#byProducer.delete(want.producer)
  }

  /** The runs that the peers are to be asked for now, at most `max`, which then count as asked; the next call begins after them. */
  due(now: number, max: number): RunId[] {
    const wants: RunWant[] = []
    for (const want of this.#open) {
      if (wants.length === max) break
      if (want.askAt <= now) wants.push(want)
    }
    // The others take their turn first next time.
    for (const want of wants) {
      want.isAsking = true
      this.#open.delete(want)
      this.#open.add(want)
    }
    return wants.map(({ id }) => id)
  }
}
