import type { RunId } from '../wire/runs.ts'

/** How far other Pods hold the runs of this Pod. */
export class HeldRuns {
  readonly #runs = new Map<RunId, Map<string, number>>()

  /** The Pod has the chunks of the run before `next`. */
  onHeld(epoch: string, id: RunId, next: number): void {
    const held = this.#runs.get(id)
    if (held === undefined) this.#runs.set(id, new Map([[epoch, next]]))
    else if ((held.get(epoch) ?? 0) < next) held.set(epoch, next)
  }

  /** The Pod may drop its copy. */
  onUnwant(epoch: string, id: RunId): void {
    this.#runs.get(id)?.delete(epoch)
  }

  /** The Pods have gone. */
  onGone(isGone: (epoch: string) => boolean): void {
    for (const held of this.#runs.values())
      for (const epoch of held.keys()) if (isGone(epoch)) held.delete(epoch)
  }

  /** The run is not known any more. */
  forget(id: RunId): void {
    this.#runs.delete(id)
  }

  /** Number of Pods that have the chunks of the run before `next`. */
  count(id: RunId, next: number): number {
    let count = 0
    for (const held of this.#runs.get(id)?.values() ?? []) if (held >= next) count += 1
    return count
  }
}
