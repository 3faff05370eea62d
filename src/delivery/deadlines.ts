import type { Clock } from '../clock.ts'
import type { Connection } from './connection.ts'
import { ConnectionsByKey } from './connections-by-key.ts'

/** Deadlines are rounded up to a multiple of this, in milliseconds. */
const STEP_MS = 250

/** The connections with a deadline. They share one timer, which runs only while there are such connections. */
export class Deadlines {
  readonly #clock: Clock
  readonly #onDeadline: (connections: Iterable<Connection>) => void
  readonly #byStep = new ConnectionsByKey<number>()
  #cancel: (() => void) | undefined

  /** Calls `onDeadline` with the connections whose deadline has passed, at most twice {@link STEP_MS} late. */
  constructor(clock: Clock, onDeadline: (connections: Iterable<Connection>) => void) {
    this.#clock = clock
    this.#onDeadline = onDeadline
  }

  add(connection: Connection): void {
    const step = stepOf(connection)
    if (step === undefined) return
    this.#byStep.add(step, connection)
    this.#cancel ??= this.#clock.after(STEP_MS, () => this.#check())
  }

  remove(connection: Connection): void {
    const step = stepOf(connection)
    if (step === undefined) return
    this.#byStep.remove(step, connection)
    if (this.#byStep.size > 0) return
    this.#cancel?.()
    this.#cancel = undefined
  }

  #check(): void {
    this.#cancel = this.#clock.after(STEP_MS, () => this.#check())
    const now = this.#clock.now()
    for (const step of this.#byStep.keys())
      if (step * STEP_MS <= now) this.#onDeadline([...this.#byStep.of(step)])
  }
}

function stepOf({ grant }: Connection): number | undefined {
  return grant?.endsAt === undefined ? undefined : Math.ceil(grant.endsAt / STEP_MS)
}
