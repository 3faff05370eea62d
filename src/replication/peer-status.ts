/**
 * `connecting`: never answered yet. `connected`: speaks v2. `v1`: a Go Pod. `failing`: the last request failed,
 * the next waits. `self`: this very Pod.
 */
export type LinkState = 'connecting' | 'connected' | 'v1' | 'failing' | 'self'

/** What a link knows of its peer. */
export interface PeerStatus {
  /** The peer, as `address:port`. */
  peer: string
  state: LinkState
  /** The peer's epoch, once it answered. */
  epoch: string | undefined
  /** This Pod's own events, disconnects and signs of incarnation that the peer is not known to hold. */
  lag: number
  /** How long ago the oldest of them was sent, in milliseconds; 0 where it holds all. The log reaches no further back. */
  lagMs: number
  /** Requests that failed since the last one that worked. */
  failures: number
  /** Why the last one failed. */
  lastError: string | undefined
}
