import type { Clock } from '../clock.ts'
import type { Connection } from './connection.ts'

/** Ends that are nearer to each other than this come together, in milliseconds. */
const STEP_MS = 250

/** The connections that must end at a certain time: one timer for all of them, and none while there are none. */
export class Deadlines {
  readonly #clock: Clock
  readonly #end: (connections: Iterable<Connection>) => void
  readonly #steps = new Map<number, Set<Connection>>()
  #cancel: (() => void) | undefined

  /** Calls `end` with those whose time has come, at most twice {@link STEP_MS} late. */
  constructor(clock: Clock, end: (connections: Iterable<Connection>) => void) {
    this.#clock = clock
    this.#end = end
  }

  join(connection: Connection): void {
    const step = stepOf(connection)
    if (step === undefined) return
    const connections = this.#steps.get(step)
    if (connections === undefined) this.#steps.set(step, new Set([connection]))
    else connections.add(connection)
    this.#cancel ??= this.#clock.after(STEP_MS, () => this.#turn())
  }

  leave(connection: Connection): void {
    const step = stepOf(connection)
    if (step === undefined) return
    const connections = this.#steps.get(step)
    connections?.delete(connection)
    if (connections?.size === 0) this.#steps.delete(step)
    if (this.#steps.size > 0) return
    this.#cancel?.()
    this.#cancel = undefined
  }

  #turn(): void {
    this.#cancel = this.#clock.after(STEP_MS, () => this.#turn())
    const now = this.#clock.now()
    for (const [step, connections] of this.#steps) if (step * STEP_MS <= now) this.#end([...connections])
  }
}

function stepOf({ terms }: Connection): number | undefined {
  return terms?.endsAt === undefined ? undefined : Math.ceil(terms.endsAt / STEP_MS)
}
