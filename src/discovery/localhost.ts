import type { PeerFinder, PeerList } from './finder.ts'
import { StaticPeerFinder } from './static.ts'

/** Finds only 127.0.0.1, which is this Pod itself: for development on one machine. */
export class LocalhostPeerFinder implements PeerFinder {
  readonly #finder = new StaticPeerFinder([{ address: '127.0.0.1' }])

  start(options: { signal: AbortSignal }): Promise<PeerList> {
    return this.#finder.start(options)
  }
}
