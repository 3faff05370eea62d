import { describe } from '../../src/errors.ts'
import type { Peer, PeerList } from '../../src/index.ts'
import { KubernetesPeerFinder, type KubernetesPeerFinderOptions } from '../../src/kubernetes.ts'
import { VirtualClock } from '../fixtures/clock.ts'
import { ApiServer } from './api-server.ts'
import type { Call } from './call.ts'
import { ServiceAccount } from './service-account.ts'

/** A Pod in a cluster of one API server, on virtual time, and the finder that runs in it. */
export class World {
  readonly clock: VirtualClock
  readonly api: ApiServer
  readonly account: ServiceAccount
  readonly finder: KubernetesPeerFinder
  /** What the finder said, the first list included, as addresses in order. */
  readonly told: string[] = []
  /** The latest of it, as the peers that they are. */
  peers: readonly Peer[] = []
  readonly faults: string[] = []
  readonly stop = new AbortController()

  private constructor(clock: VirtualClock, api: ApiServer, options: Partial<KubernetesPeerFinderOptions>) {
    this.clock = clock
    this.api = api
    this.account = new ServiceAccount(api.port)
    this.finder = new KubernetesPeerFinder({
      ...(options.service === undefined ? { labelSelector: 'app=web' } : {}),
      serviceAccountDir: this.account.dir,
      clock,
      onError: (error) => this.faults.push(describe(error)),
      ...options,
    } as KubernetesPeerFinderOptions)
  }

  static async create(options: Partial<KubernetesPeerFinderOptions> = {}): Promise<World> {
    const clock = new VirtualClock()
    return new World(clock, await ApiServer.start(clock), options)
  }

  async end(): Promise<void> {
    this.stop.abort()
    await this.api.close()
    this.account.end()
  }

  /** Starts the finder, and follows what it tells. */
  async start(): Promise<PeerList> {
    const list = await this.finder.start(this.stop)
    this.#hear(list.peers)
    void this.#follow(list.changes)
    return list
  }

  /** Starts the finder; resolves with its watch, which is the second request. */
  async watching(): Promise<Call> {
    await this.start()
    return this.call(2)
  }

  /** The `n`th request, from 1 on. */
  async call(n: number): Promise<Call> {
    await this.until(`request ${n}`, () => this.api.calls.length >= n)
    return this.api.calls[n - 1] as Call
  }

  /** Lets time pass until `condition` holds; it stands still while a request is on its way. */
  async until(label: string, condition: () => boolean): Promise<void> {
    const end = performance.now() + 5_000
    while (!condition()) {
      const isUnderWay = this.finder.status().requests > this.api.calls.length
      if (!isUnderWay) await this.clock.advance(20)
      await new Promise((resolve) => setTimeout(resolve, 1))
      if (performance.now() > end)
        throw new Error(`Waited in vain: ${label}. Faults: ${this.faults.join('; ')}`)
    }
  }

  async #follow(changes: PeerList['changes']): Promise<void> {
    for await (const peers of changes) this.#hear(peers)
  }

  #hear(peers: readonly Peer[]): void {
    this.peers = peers
    const addresses = peers.map(({ address }) => address)
    this.told.push(addresses.sort().join(' '))
  }
}
