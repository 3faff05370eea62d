import { SserError } from '../errors.ts'
import type { PeerFinder, PeerList } from './finder.ts'
import { checkPeers, type Peer } from './peer.ts'

/** Always the same peers: for tests, for machines without Kubernetes, for a fleet of known addresses. */
export class StaticPeerFinder implements PeerFinder {
  readonly #peers: readonly Peer[]

  /** @throws SserError `invalid-peer` for anything that is not an address with an optional port. */
  constructor(peers: readonly (Peer | string)[]) {
    if (!Array.isArray(peers)) {
      throw new SserError(
        'invalid-peer',
        `StaticPeerFinder: expected an array such as ['10.0.0.1', '10.0.0.2:7001'], got ${typeof peers}`,
      )
    }
    this.#peers = checkPeers(peers.map((peer) => (typeof peer === 'string' ? parsePeer(peer) : peer)))
  }

  async start({ signal }: { signal: AbortSignal }): Promise<PeerList> {
    signal.throwIfAborted()
    return { peers: this.#peers, changes: noChanges(signal) }
  }
}

/** Reads `address`, `address:port`, `[ipv6]:port` or a bare IPv6 address. */
function parsePeer(text: string): Peer {
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(text)
  const plain = /^([^:]+)(?::(\d+))?$/.exec(text)
  const [, address, port] = bracketed ?? plain ?? [undefined, text]
  return { address: address ?? text, port: port === undefined ? undefined : Number(port) }
}

/** Yields nothing, and ends when the signal aborts. */
async function* noChanges(signal: AbortSignal): AsyncGenerator<readonly Peer[]> {
  if (signal.aborted) return
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
}
