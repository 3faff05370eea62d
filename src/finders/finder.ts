import type { Peer } from '../mesh/peer.ts'

/** What a finder knows at first, and what it learns later. */
export interface PeerList {
  /** Everyone at the start. */
  peers: readonly Peer[]
  /**
   * Every later list, whole. An implementation MUST yield only when the set changed, MUST NOT make its source wait
   * for a slow reader (the latest list is enough), and MUST NOT shrink the set because of an error.
   */
  changes: AsyncIterable<readonly Peer[]>
  /** This Pod's own {@link Peer.uid}, where the finder knows it: what is meant for another Pod is then refused. */
  uid?: string | undefined
}

/** What a finder is started with. */
export interface FindOptions {
  /** Ends the search. */
  signal: AbortSignal
  /** Hears of each fault that does not end the search. */
  onError?: ((error: unknown) => void) | undefined
}

/** Finds the Pods of this workload. */
export interface PeerFinder {
  /**
   * Begins to look. The list MAY include the Pod itself. It MUST reject if the first list cannot be had, and with
   * the signal's reason if that aborts first; after an abort `changes` MUST end.
   */
  start(options: FindOptions): Promise<PeerList>
}
