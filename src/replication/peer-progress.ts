import type { Position } from '../wire/position.ts'

/**
 * How far another Pod's log reaches, as known here: by that Pod's epoch, from its requests and its responses alike.
 * @see https://pkg.go.dev/go.etcd.io/raft/v3/tracker#Progress
 */
export class PeerProgress {
  readonly epoch: string
  /** When a request or a response of the peer last arrived. */
  lastHeardAt: number
  /** When a request of this Pod to the peer last succeeded; at first, when the two met. */
  lastSuccessAt: number
  /** True if the peer takes sparse runs in single requests; in exchanges every peer does. */
  takesSparseRanges = false
  /** True if the peer knows runs: only such a Pod is sent any, asked for any, or a holder. */
  knowsRuns = false
  #position: Map<string, number> = new Map()
  /** By epoch, a seq that the peer is known to lack, and since when. */
  readonly #behind = new Map<string, { seq: number; since: number }>()

  constructor(epoch: string, now: number) {
    this.epoch = epoch
    this.lastHeardAt = now
    this.lastSuccessAt = now
  }

  /** Seq of `epoch` up to which the peer holds everything. */
  match(epoch: string): number {
    return this.#position.get(epoch) ?? 0
  }

  /**
   * Returns whether the peer holds everything up to `position`, apart from entries of its own epoch, which it has in
   * any case.
   */
  covers(position: Position): boolean {
    for (const [epoch, seq] of position) if (epoch !== this.epoch && this.match(epoch) < seq) return false
    return true
  }

  /** Time since which the peer lacks an entry of `epoch` that this Pod holds. */
  behindSince(epoch: string): number | undefined {
    return this.#behind.get(epoch)?.since
  }

  /**
   * Records seqs up to which the peer has acknowledged entries, of the epochs that this Pod knows: a peer that names others in
   * each message must not fill its memory.
   */
  acknowledge(acks: Position, known: { get(epoch: string): unknown }, now: number): void {
    this.lastHeardAt = now
    for (const [epoch, seq] of acks)
      if (seq > this.match(epoch) && known.get(epoch) !== undefined) this.#position.set(epoch, seq)
  }

  /** Records the peer's position, and compares it with `own`, the position of this Pod. */
  observe(position: Position, own: Position, now: number): void {
    this.lastHeardAt = now
    // Within one epoch a Pod only advances: of two messages that overtook each other, the higher one is the later.
    const merged = new Map(position)
    for (const [epoch, seq] of this.#position) {
      if (position.has(epoch) && seq > (position.get(epoch) as number)) merged.set(epoch, seq)
    }
    this.#position = merged
    for (const [epoch, seq] of own) {
      const match = this.match(epoch)
      if (match >= seq) this.#behind.delete(epoch)
      // In a busy fleet a peer always lacks something; the grace counts while it lacks the same entry.
      else if (match >= (this.#behind.get(epoch)?.seq ?? 0)) this.#behind.set(epoch, { seq, since: now })
    }
    for (const epoch of this.#behind.keys()) if (!own.has(epoch)) this.#behind.delete(epoch)
  }
}
