import { SserError } from '../errors.ts'
import {
  checkIsOptions,
  type FindOptions,
  type Peer,
  type PeerFinder,
  type PeerFinderStatus,
  type PeerList,
  show,
} from './peer-finder.ts'
import { LocalhostPeerFinder } from './static.ts'

export interface WorkerPeerFinderOptions {
  /** Internal ports of the workers on one machine or in one Pod, one per worker. */
  ports: readonly number[]
  /** Finds the machines or Pods that run these workers. @default this machine alone */
  peerFinder?: PeerFinder | undefined
}

/**
 * Finds the workers of `node:cluster` or of PM2's cluster mode: each address that `peerFinder` finds, at each of `ports`.
 * Each worker counts as a Pod; its `internalPort` is one of `ports`.
 */
export class WorkerPeerFinder implements PeerFinder {
  readonly #ports: readonly number[]
  readonly #peerFinder: PeerFinder

  /** @throws SserError `invalid-options` unless `ports` are distinct port numbers. */
  constructor(options: WorkerPeerFinderOptions) {
    checkIsOptions('WorkerPeerFinder', options, '{ ports: [7000, 7001] }')
    const { ports, peerFinder = new LocalhostPeerFinder() } = options
    if (
      !Array.isArray(ports) ||
      ports.length === 0 ||
      !ports.every(isPort) ||
      new Set(ports).size < ports.length
    ) {
      throw new SserError(
        'invalid-options',
        `Option "ports": expected one port from 1 to 65535 for each worker, all different, got ${show(ports)}`,
      )
    }
    if (typeof peerFinder?.start !== 'function') {
      throw new SserError(
        'invalid-options',
        `Option "peerFinder": expected a PeerFinder such as new StaticPeerFinder(['10.0.0.1']), got ${show(peerFinder)}`,
      )
    }
    this.#ports = ports
    this.#peerFinder = peerFinder
  }

  get isLocal(): boolean {
    return this.#peerFinder.isLocal ?? false
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
