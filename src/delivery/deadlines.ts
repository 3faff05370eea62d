import type { Clock } from '../clock.ts'
import type { Connection } from './connection.ts'
import { Groups } from './groups.ts'

/** Ends that are nearer to each other than this come together, in milliseconds. */
const STEP_MS = 250

/** The connections that must end at a certain time: one timer for all of them, and none while there are none. */
export class Deadlines {
  readonly #clock: Clock
  readonly #end: (connections: Iterable<Connection>) => void
  readonly #steps = new Groups<number>()
  #cancel: (() => void) | undefined

  /** Calls `end` with those whose time has come, at most twice {@link STEP_MS} late. */
  constructor(clock: Clock, end: (connections: Iterable<Connection>) => void) {
    this.#clock = clock
    this.#end = end
  }

  join(connection: Connection): void {
    const step = stepOf(connection)
    if (step === undefined) return
    this.#steps.join(step, connection)
    this.#cancel ??= this.#clock.after(STEP_MS, () => this.#turn())
  }

  leave(connection: Connection): void {
    const step = stepOf(connection)
    if (step === undefined) return
    this.#steps.leave(step, connection)
    if (this.#steps.size > 0) return
    this.#cancel?.()
    this.#cancel = undefined
  }

  #turn(): void {
    this.#cancel = this.#clock.after(STEP_MS, () => this.#turn())
    const now = this.#clock.now()
    for (const step of this.#steps.keys()) if (step * STEP_MS <= now) this.#end([...this.#steps.of(step)])
  }
}

function stepOf({ grant }: Connection): number | undefined {
  return grant?.endsAt === undefined ? undefined : Math.ceil(grant.endsAt / STEP_MS)
}
