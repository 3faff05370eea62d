/**
 * Where a reader has more of some epochs than the log up to its cursor. What it holds is what a client claimed, for
 * each of many connections: so it is three flat lists, and nothing is looked up in them.
 */
export class Ahead {
  readonly #epochs: string[] = []
  readonly #seqs: number[] = []
  readonly #since: number[] = []

  get size(): number {
    return this.#epochs.length
  }

  /** The reader has `epoch` up to `seq`; Pods that have less of it have carried it along since `since`. */
  add(epoch: string, seq: number, since: number): void {
    this.#epochs.push(epoch)
    this.#seqs.push(seq)
    this.#since.push(since)
  }

  each(visit: (epoch: string, seq: number, since: number) => void): void {
    for (let i = 0; i < this.size; i += 1)
      visit(this.#epochs[i] as string, this.#seqs[i] as number, this.#since[i] as number)
  }

  /** Lets go of those that are done. */
  drop(isDone: (epoch: string, seq: number, since: number) => boolean): void {
    let kept = 0
    this.each((epoch, seq, since) => {
      if (isDone(epoch, seq, since)) return
      this.#epochs[kept] = epoch
      this.#seqs[kept] = seq
      this.#since[kept] = since
      kept += 1
    })
    for (const list of [this.#epochs, this.#seqs, this.#since]) list.length = kept
  }
}
