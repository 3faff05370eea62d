import type { RunSession } from './run-session.ts'

/** The open exchanges with the peers that know runs, by the epochs of the peers. */
export class RunSessions {
  /** Of each peer, the one that this Pod has opened is the first. */
  readonly #sessions = new Map<string, RunSession[]>()

  add(session: RunSession): void {
    const { epoch, isOpener } = session
    const others = this.#sessions.get(epoch) ?? []
    this.#sessions.set(epoch, isOpener ? [session, ...others] : [...others, session])
  }

  delete(session: RunSession): void {
    const left = this.#sessions.get(session.epoch)?.filter((other) => other !== session) ?? []
    if (left.length > 0) this.#sessions.set(session.epoch, left)
    else this.#sessions.delete(session.epoch)
  }

  /** The exchange in which this Pod asks the peer. */
  get(epoch: string): RunSession | undefined {
    return this.#sessions.get(epoch)?.[0]
  }

  has(epoch: string): boolean {
    return this.#sessions.has(epoch)
  }

  epochs(): Iterable<string> {
    return this.#sessions.keys()
  }

  *[Symbol.iterator](): Iterator<RunSession> {
    for (const sessions of this.#sessions.values()) yield* sessions
  }
}
