import type { Target } from '../discovery/peer-finder.ts'
import type { PeerProgress } from './peer-progress.ts'
import type { LinkState } from './peer-status.ts'

/** A link, as the parts of this Pod see it that ask peers. */
export interface PeerLink {
  readonly target: Target
  readonly state: LinkState
  /** The Pod at the address, once it has responded. */
  readonly peer: PeerProgress | undefined
  /** Sends a request at once, because the Pod does not answer others, or another one does. */
  check(): void
}
