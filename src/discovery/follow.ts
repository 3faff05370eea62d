import { SserError } from '../errors.ts'
import type { Faults } from '../telemetry/faults.ts'
import type { PeerList } from './finder.ts'
import { checkPeers, type Peer } from './peer.ts'

export interface FollowOptions {
  signal: AbortSignal
  faults: Faults
  adopt(peers: readonly Peer[]): void
}

/** Adopts each later list that is one. Whatever else comes of the finder, the last good list stays. */
export async function follow(changes: PeerList['changes'], options: FollowOptions): Promise<void> {
  const { signal, faults, adopt } = options
  try {
    for await (const peers of changes) {
      if (signal.aborted) return
      try {
        adopt(checkPeers(peers))
      } catch (error) {
        faults.report(error, { stage: 'peer-finder' })
      }
    }
    if (signal.aborted) return
    throw new SserError('peer-finder-failed', 'The peer finder ended its list of changes')
  } catch (error) {
    if (!signal.aborted) faults.report(error, { stage: 'peer-finder' })
  }
}
