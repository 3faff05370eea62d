import type { Target } from '../transport/peer-transport.ts'
import type { PeerProgress } from './peer-progress.ts'

/**
 * `connecting`: never responded yet. `connected`: speaks v2. `v1`: a Go Pod. `failing`: the last request failed, and
 * the next one waits. `self`: this very Pod.
 */
export type LinkState = 'connecting' | 'connected' | 'v1' | 'failing' | 'self'

/** A peer, and the state of the link to it. */
export interface PeerStatus {
  /** The peer, as `address:port`. */
  peer: string
  /** State of the link to it. */
  state: LinkState
  /** True while an exchange with the peer is open; false: each message to it is a request of its own. */
  exchange: boolean
  /** Epoch of the peer, once it has responded. */
  epoch: string | undefined
  /** Number of this Pod's own events, disconnects and no-op entries that the peer has not acknowledged. */
  lag: number
  /** Age of the oldest of them in milliseconds, at most that of the log; 0 where the peer holds all. */
  lagMs: number
  /** Number of failed requests since the last successful one. */
  failures: number
  /** Error of the last failed request. */
  lastError: string | undefined
}

/** A link, as the parts of this Pod see it that ask peers. */
export interface PeerLink {
  readonly target: Target
  readonly state: LinkState
  /** The Pod at the address, once it has responded. */
  readonly peer: PeerProgress | undefined
  /** Sends a request at once, because the Pod does not answer others, or another one does. */
  check(): void
  /** Tries again at once after a failure, because the Pod is back. */
  probe(): void
}
