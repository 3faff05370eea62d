import { SserError } from '../errors.ts'
import type { FindOptions, PeerFinder, PeerFinderStatus, PeerList } from './finder.ts'
import { LocalhostPeerFinder } from './localhost.ts'
import type { Peer } from './peer.ts'

export interface WorkerPeerFinderOptions {
  /** The internal ports of the workers on one machine, or in one Pod: each worker has one of its own. */
  ports: readonly number[]
  /** Finds the machines, or the Pods, that run these workers. Default: this machine alone. */
  peerFinder?: PeerFinder | undefined
}

/**
 * Finds every worker of `node:cluster` or of PM2's cluster mode: each address that `peerFinder` finds, at each of `ports`.
 * Each worker is a Pod of its own; its `internalPort` is one of `ports`.
 */
export class WorkerPeerFinder implements PeerFinder {
  readonly #ports: readonly number[]
  readonly #peerFinder: PeerFinder

  /** @throws SserError `invalid-options` where `ports` are not different port numbers. */
  constructor({ ports, peerFinder = new LocalhostPeerFinder() }: WorkerPeerFinderOptions) {
    if (
      !Array.isArray(ports) ||
      ports.length === 0 ||
      !ports.every(isPort) ||
      new Set(ports).size < ports.length
    ) {
      throw new SserError(
        'invalid-options',
        `Option "ports": expected one port from 1 to 65535 for each worker, all different, got ${JSON.stringify(ports)}`,
      )
    }
    this.#ports = ports
    this.#peerFinder = peerFinder
  }

  async start(options: FindOptions): Promise<PeerList> {
    const { peers, changes, uid } = await this.#peerFinder.start(options)
    return { peers: this.#atEachPort(peers), changes: this.#following(changes), uid }
  }

  status(): PeerFinderStatus {
    return this.#peerFinder.status?.() ?? { state: 'started', syncAgeMs: undefined }
  }

  async *#following(changes: AsyncIterable<readonly Peer[]>): AsyncGenerator<readonly Peer[]> {
    for await (const peers of changes) yield this.#atEachPort(peers)
  }

  #atEachPort(peers: readonly Peer[]): Peer[] {
    return peers.flatMap((peer) => this.#ports.map((port) => ({ ...peer, port })))
  }
}

function isPort(port: unknown): boolean {
  return Number.isInteger(port) && (port as number) >= 1 && (port as number) <= 65_535
}
