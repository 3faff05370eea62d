import { Deque } from '../log/deque.ts'

/** This Pod's own events that one peer never got and never will, as far as the log still speaks of them. */
export class Missed {
  /** Runs of seqs, in order, without overlap. */
  readonly #runs = new Deque<{ from: number; to: number }>()

  /** Those after `after` and up to `to`. Nobody asks of what is not over `floor` any more. */
  add(after: number, to: number, floor: number): void {
    for (let run = this.#runs.at(0); run !== undefined && run.to <= floor; run = this.#runs.at(0))
      this.#runs.shift()
    const last = this.#runs.at(this.#runs.length - 1)
    if (last !== undefined && last.to >= after) last.to = Math.max(last.to, to)
    else if (to > after) this.#runs.push({ from: after + 1, to })
  }

  has(seq: number): boolean {
    const run = this.#runs.at(this.#runs.lowerBound(({ to }) => to >= seq))
    return run !== undefined && run.from <= seq
  }

  clear(): void {
    while (this.#runs.length > 0) this.#runs.shift()
  }
}
