import type { Incarnation } from './pod.ts'
import { newReading, type Reading } from './run-facts.ts'
import type { ReadRun } from './run-plan.ts'
import type { RunFixture } from './run-producer.ts'

/** A reader of a run on virtual time: it reads in a process, stores the last id, and moves between the Pods. */
export class RunClient {
  readonly reading: Reading
  readonly #fixture: RunFixture
  readonly #incarnations: () => readonly Incarnation[]
  #slowMs: number
  #moves: number
  readonly #moveMs: number
  #lastId: string | undefined
  #incarnation: Incarnation | undefined
  #abort = new AbortController()
  /** Number of the attempt; callbacks of an earlier one compare it, and return. */
  #attempt = 0
  #isAway = false

  /** `incarnations`: those on which it may read. */
  constructor(
    { reader, name, slowMs, moves, moveMs }: ReadRun,
    fixture: RunFixture,
    incarnations: () => readonly Incarnation[],
  ) {
    this.#fixture = fixture
    this.#incarnations = incarnations
    this.reading = newReading(reader, name)
    this.#slowMs = slowMs
    this.#moves = moves
    this.#moveMs = moveMs
    this.#connect()
    if (moves > 0) this.#scheduleMove()
  }

  /** Undefined while it reads on no Pod. */
  get address(): string | undefined {
    return this.#incarnation?.address
  }

  /** Reads without pauses and moves from now on. */
  settle(): void {
    this.#slowMs = 0
    this.#moves = 0
  }

  close(): void {
    this.#isAway = true
    this.#leave()
  }

  #scheduleMove(): void {
    const { time, random } = this.#fixture
    time.after(random.int(1, this.#moveMs), () => {
      if (this.#moves-- <= 0 || this.#isAway || this.reading.end !== undefined) return
      this.#leave()
      this.#retry(random.int(0, 30))
      this.#scheduleMove()
    })
  }

  #leave(): void {
    this.#attempt += 1
    this.#incarnation = undefined
    this.#abort.abort()
  }

  #retry(ms: number): void {
    const attempt = ++this.#attempt
    this.#incarnation = undefined
    this.#fixture.time.after(ms, () => {
      if (attempt === this.#attempt && !this.#isAway) this.#connect()
    })
  }

  #connect(): void {
    const { random, runs } = this.#fixture
    const incarnations = this.#incarnations()
    if (incarnations.length === 0) return this.#retry(random.int(50, 500))
    const incarnation = random.pick(incarnations)
    const attempt = ++this.#attempt
    this.#incarnation = incarnation
    this.#abort = new AbortController()
    incarnation.onDeath(() => {
      if (attempt === this.#attempt && this.reading.end === undefined) this.#retry(random.int(50, 1_000))
    })
    runs.opened(this.reading, incarnation.address, this.#lastId)
    void this.#read(attempt, incarnation)
  }

  async #read(attempt: number, incarnation: Incarnation): Promise<void> {
    const { time, random, runs } = this.#fixture
    const { signal } = this.#abort
    try {
      const items = incarnation.runs?.readRun(this.reading.name, { after: this.#lastId, signal })
      if (items === undefined) return
      const iterator = items[Symbol.asyncIterator]()
      for (;;) {
        const { done, value } = await iterator.next()
        if (attempt !== this.#attempt) return
        if (done || value === undefined) break
        if (value.type === 'chunk' || value.type === 'gap') this.#lastId = value.id
        runs.received(this.reading, value)
        const waitMs = Math.max(this.#slowMs, incarnation.pausedUntil() - time.now)
        if (waitMs > 0) await new Promise<void>((resolve) => void time.after(waitMs, resolve))
        if (attempt !== this.#attempt) return void iterator.return?.()
      }
    } catch (error) {
      if (attempt !== this.#attempt) return
      runs.readRejected(this.reading, error as Error)
    }
    if (this.reading.end === undefined) this.#retry(random.int(50, 1_000))
  }
}
