import { SserError } from '../errors.ts'
import type { ErrorReporter } from '../telemetry/error-reporter.ts'
import { checkPeers, type Peer, show } from './peer.ts'

/** First list of a finder, and its later changes. */
export interface PeerList {
  /** All peers at the start. */
  peers: readonly Peer[]
  /**
   * Every later list, complete. An implementation MUST yield only when the set or a field of a peer changed, MUST NOT
   * let a slow reader block its source (the latest list is enough), and MUST NOT shrink the set because of an error.
   */
  changes: AsyncIterable<readonly Peer[]>
  /** {@link Peer.uid} of this Pod, if the finder knows it. The Pod then rejects requests that are meant for another Pod. */
  uid?: string | undefined
}

/** Options of {@link PeerFinder.start}. */
export interface FindOptions {
  /** Stops the finder. */
  signal: AbortSignal
  /** Receives each fault that does not stop the finder. */
  onError?: ((error: unknown) => void) | undefined
}

/** Status of a peer finder. */
export interface PeerFinderStatus {
  /** One of the finder's own state names. */
  readonly state: string
  /** Milliseconds since the source last confirmed the list; undefined before that, or if the source never confirms. */
  readonly syncAgeMs: number | undefined
  /** True if the list has this Pod, if the finder checks that. `false`: its selector does not match this Pod. */
  readonly listsSelf?: boolean | undefined
  /** The latest fault, even if it is over. */
  readonly lastError?: { readonly message: string; readonly ageMs: number } | undefined
}

/** Finds the Pods of this workload. */
export interface PeerFinder {
  /**
   * Fetches the first list. The list MAY include this Pod. The promise MUST reject if the list cannot be fetched, and
   * with the signal's reason if the signal aborts first; after an abort `changes` MUST end.
   */
  start(options: FindOptions): Promise<PeerList>
  /**
   * Whether all peers have the address 127.0.0.1. Then `serve()` and `join()` bind an internal port with neither a
   * `peerSecret` nor `internalTls` to 127.0.0.1.
   */
  readonly isLocal?: boolean | undefined
  /** Status of the finder. Must be cheap, because every scrape of the metrics calls it. */
  status?(): PeerFinderStatus
}

/** Validates the result of {@link PeerFinder.start}. @throws SserError `invalid-peer`, with the expected shape. */
export function checkPeerList(list: PeerList): PeerList {
  const changes: unknown = list?.changes
  if (typeof (changes as PeerList['changes'] | undefined)?.[Symbol.asyncIterator] !== 'function') {
    throw new SserError(
      'invalid-peer',
      `peerFinder.start(): expected a promise of { peers, changes }, where changes is an async iterable, got ${show(list)}`,
    )
  }
  checkPeers(list.peers)
  return list
}

/** Rejects the options of a finder's constructor that are not an object; `example` shows the expected ones. */
export function checkIsOptions(finder: string, options: unknown, example: string): void {
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return
  throw new SserError(
    'invalid-options',
    `new ${finder}(): expected options such as ${example}, got ${show(options)}`,
  )
}

export interface FollowOptions {
  signal: AbortSignal
  errors: ErrorReporter
  adopt(peers: readonly Peer[]): void
}

/** Adopts each valid list of `changes`. Invalid lists and errors are reported, and the last valid list stays. */
export async function follow(changes: PeerList['changes'], options: FollowOptions): Promise<void> {
  const { signal, errors, adopt } = options
  try {
    for await (const peers of changes) {
      if (signal.aborted) return
      try {
        adopt(checkPeers(peers))
      } catch (error) {
        errors.report(error, { stage: 'peer-finder' })
      }
    }
    if (signal.aborted) return
    throw new SserError(
      'peer-finder-failed',
      'The peer finder ended its changes before its signal aborted; the last list of peers stays',
    )
  } catch (error) {
    if (!signal.aborted) errors.report(error, { stage: 'peer-finder' })
  }
}
