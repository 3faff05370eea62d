import { SserError } from '../errors.ts'
import { checkPeers, type Peer, type PeerFinder, type PeerList, show } from './peer-finder.ts'

/** Finds a fixed list of peers: for tests, and for machines with known addresses. */
export class StaticPeerFinder implements PeerFinder {
  readonly #peers: readonly Peer[]
  readonly isLocal: boolean

  /**
   * @param peers Objects, or strings: `address`, `address:port`, `[ipv6]:port`, or an IPv6 address.
   * @throws SserError `invalid-peer`, with the entry and the expected form.
   */
  constructor(peers: readonly (Peer | string)[]) {
    if (!Array.isArray(peers)) {
      throw new SserError(
        'invalid-peer',
        `StaticPeerFinder: expected an array such as ['10.0.0.1', '10.0.0.2:7001'], got ${show(peers)}`,
      )
    }
    this.#peers = checkPeers(peers.map((peer) => (typeof peer === 'string' ? parsePeer(peer) : peer)))
    this.isLocal = this.#peers.every(({ address }) => address === '127.0.0.1' || address === 'localhost')
  }

  async start({ signal }: { signal: AbortSignal }): Promise<PeerList> {
    signal.throwIfAborted()
    return { peers: this.#peers, changes: noChanges(signal) }
  }
}

/**
 * Finds only 127.0.0.1, which is this Pod or another program at the internal port of this machine. A single Pod and a unit
 * test need no finder: without the option `peerFinder` they send to no address.
 */
export class LocalhostPeerFinder implements PeerFinder {
  readonly #finder = new StaticPeerFinder([{ address: '127.0.0.1' }])
  readonly isLocal = true

  start(options: { signal: AbortSignal }): Promise<PeerList> {
    return this.#finder.start(options)
  }
}

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
