/**
 * Entries of a client's id beyond the local log: of these epochs the client has more than the log up to its cursor.
 * Three flat lists, because clients choose the entries, many connections have some, and none is looked up by epoch.
 */
export class CarriedEntries {
  readonly #epochs: string[] = []
  readonly #seqs: number[] = []
  readonly #since: number[] = []

  get size(): number {
    return this.#epochs.length
  }

  /** The client has `epoch` up to `seq`; Pods with less of it have carried this entry since `since`. */
  add(epoch: string, seq: number, since: number): void {
    this.#epochs.push(epoch)
    this.#seqs.push(seq)
    this.#since.push(since)
  }

  forEach(visit: (epoch: string, seq: number, since: number) => void): void {
    for (let i = 0; i < this.size; i += 1)
      visit(this.#epochs[i] as string, this.#seqs[i] as number, this.#since[i] as number)
  }

  /** Removes the entries that pass the test. */
  removeIf(test: (epoch: string, seq: number, since: number) => boolean): void {
    let kept = 0
    this.forEach((epoch, seq, since) => {
      if (test(epoch, seq, since)) return
      this.#epochs[kept] = epoch
      this.#seqs[kept] = seq
      this.#since[kept] = since
      kept += 1
    })
    for (const list of [this.#epochs, this.#seqs, this.#since]) list.length = kept
  }
}
