import { describe } from '../../../src/errors.ts'
import type { Peer, PeerList } from '../../../src/index.ts'
import { KubernetesPeerFinder, type KubernetesPeerFinderOptions } from '../../../src/kubernetes.ts'
import { VirtualClock } from '../../support/clock.ts'
import { until } from '../../support/until.ts'
import { ApiServer } from './api-server.ts'
import type { Call } from './call.ts'
import { ServiceAccount } from './service-account.ts'

/** A Pod in a cluster of one API server, on virtual time, and the finder that runs in it. */
export class World {
  readonly clock: VirtualClock
  readonly api: ApiServer
  readonly account: ServiceAccount
  readonly finder: KubernetesPeerFinder
  /** The sets of peers that the finder named, the first list included, as addresses in order. */
  readonly lists: string[] = []
  /** The latest of it, as the peers that they are. */
  peers: readonly Peer[] = []
  readonly errors: string[] = []
  readonly stop = new AbortController()

  /** How many bytes of bodies the finder has read. */
  get bytes(): number {
    return this.finder.status().bytes
  }

  private constructor(clock: VirtualClock, api: ApiServer, options: Partial<KubernetesPeerFinderOptions>) {
    this.clock = clock
    this.api = api
    this.account = new ServiceAccount(api.port)
    this.finder = new KubernetesPeerFinder({
      ...(options.service === undefined ? { labelSelector: 'app=web' } : {}),
      serviceAccountDir: this.account.dir,
      clock,
      onError: (error) => this.errors.push(describe(error)),
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
    await this.accepted()
    return this.call(2)
  }

  /** Resolves once the finder knows that its watch was accepted. No time passes. */
  accepted(): Promise<void> {
    return until('the finder watches', () => this.finder.status().state === 'watching')
  }

  /** Resolves once the finder has told of these addresses. */
  told(...addresses: string[]): Promise<void> {
    const wanted = addresses.sort().join(' ')
    return this.until(`the finder tells of ${wanted}`, () => this.lists.at(-1) === wanted)
  }

  /** The `n`th request, from 1 on. */
  async call(n: number): Promise<Call> {
    await this.until(`request ${n}`, () => this.api.calls.length >= n)
    return this.api.calls[n - 1] as Call
  }

  /**
   * Lets time pass until `condition` holds: fast while the finder waits for its next turn, slowly while it watches,
   * and not at all while it waits for an answer, which takes real time to arrive.
   */
  async until(label: string, condition: () => boolean): Promise<void> {
    const end = performance.now() + 5_000
    while (!condition()) {
      const { state } = this.finder.status()
      await this.clock.advance(state === 'backing-off' ? 500 : state === 'watching' ? 20 : 0)
      await new Promise((resolve) => setTimeout(resolve, 1))
      if (performance.now() > end)
        throw new Error(`Waited in vain: ${label}. ErrorReporter: ${this.errors.join('; ')}`)
    }
  }

  /** Does something that makes the API server send; resolves once the finder has read it. No time passes. */
  async reading(action: () => void): Promise<void> {
    const { bytes } = this
    action()
    await until('the finder reads it', () => this.bytes > bytes)
  }

  /** What a promise comes to; time passes until it does. */
  async passing<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false
    const settle = () => {
      isSettled = true
    }
    promise.then(settle, settle)
    await this.until('it is over', () => isSettled)
    return promise
  }

  async #follow(changes: PeerList['changes']): Promise<void> {
    for await (const peers of changes) this.#hear(peers)
  }

  #hear(peers: readonly Peer[]): void {
    this.peers = peers
    const addresses = peers.map(({ address }) => address)
    const list = addresses.sort().join(' ')
    // What it says of a peer may change, too.
    if (this.lists.at(-1) !== list) this.lists.push(list)
  }
}
