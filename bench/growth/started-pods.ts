import type { Peer, PeerFinder, PeerList } from '../../src/index.ts'

/** Finds the Pods of this process that have started, as the finder of a cluster does. */
export class StartedPods implements PeerFinder {
  readonly isLocal = true
  #peers: readonly Peer[] = []
  readonly #waiting = new Set<() => void>()

  add(address: string): void {
    this.#peers = [...this.#peers, { address }]
    this.#wake()
  }

  async start({ signal }: { signal: AbortSignal }): Promise<PeerList> {
    signal.addEventListener('abort', () => this.#wake(), { once: true })
    return { peers: this.#peers, changes: this.#changes(signal, this.#peers) }
  }

  #wake(): void {
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }

  async *#changes(signal: AbortSignal, first: readonly Peer[]): AsyncGenerator<readonly Peer[]> {
    for (let last = first; !signal.aborted; ) {
      if (this.#peers === last) await new Promise<void>((resolve) => this.#waiting.add(resolve))
      last = this.#peers
      yield last
    }
  }
}
