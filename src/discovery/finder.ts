import type { Peer } from './peer.ts'

/** What a finder knows at first, and what it learns later. */
export interface PeerList {
  /** Everyone at the start. */
  peers: readonly Peer[]
  /**
   * Every later list, whole. An implementation MUST yield only when the set or a field of a peer changed, MUST NOT make
   * its source wait for a slow reader (the latest list is enough), and MUST NOT shrink the set because of an error.
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

/** How a search for peers stands, as far as its finder can tell. */
export interface PeerFinderStatus {
  /** In the finder's own words. */
  readonly state: string
  /** How long ago its source last confirmed the list, in milliseconds; undefined before it did, or if it never does. */
  readonly syncAgeMs: number | undefined
  /** Whether the list has this Pod itself, where the finder looks for it: `false` is a selector that misses it. */
  readonly listsSelf?: boolean | undefined
  /** The latest fault, also if it is over. */
  readonly lastError?: { readonly message: string; readonly ageMs: number } | undefined
}

/** Finds the Pods of this workload. */
export interface PeerFinder {
  /**
   * Begins to look. The list MAY include the Pod itself. It MUST reject if the first list cannot be had, and with
   * the signal's reason if that aborts first; after an abort `changes` MUST end.
   */
  start(options: FindOptions): Promise<PeerList>
  /** How the search stands. Cheap: it is asked at each scrape. */
  status?(): PeerFinderStatus
}
