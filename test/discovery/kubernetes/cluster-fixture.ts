import { describe } from '../../../src/errors.ts'
import type { Peer, PeerList } from '../../../src/index.ts'
import { KubernetesPeerFinder, type KubernetesPeerFinderOptions } from '../../../src/kubernetes.ts'
import { VirtualClock } from '../../support/clock.ts'
import { until, WAIT_MS } from '../../support/until.ts'
import { ApiServer } from './api-server.ts'
import type { Call } from './call.ts'
import { ServiceAccount } from './service-account.ts'

/** A finder in a Pod, with an API server, a ServiceAccount and virtual time. */
export class ClusterFixture {
  readonly clock: VirtualClock
  readonly api: ApiServer
  readonly account: ServiceAccount
  readonly finder: KubernetesPeerFinder
  /** Published sets of peers, with the first list, as sorted addresses. */
  readonly lists: string[] = []
  /** The latest published peers. */
  peers: readonly Peer[] = []
  readonly errors: string[] = []
  readonly stop = new AbortController()

  /** Body bytes that the finder has read. */
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

  static async create(options: Partial<KubernetesPeerFinderOptions> = {}): Promise<ClusterFixture> {
    const clock = new VirtualClock()
    return new ClusterFixture(clock, await ApiServer.start(clock), options)
  }

  async end(): Promise<void> {
    this.stop.abort()
    await this.api.close()
    this.account.end()
  }

  /** Starts the finder, and records its lists. */
  async start(): Promise<PeerList> {
    const list = await this.finder.start(this.stop)
    this.#record(list.peers)
    void this.#follow(list.changes)
    return list
  }

  /** Starts the finder; resolves with its watch, which is the second request. */
  async watching(): Promise<Call> {
    await this.start()
    await this.accepted()
    return this.call(2)
  }

  /** Resolves after the finder's watch was accepted, without advancing time. */
  accepted(): Promise<void> {
    return until('the finder watches', () => this.finder.status().state === 'watching')
  }

  /** Resolves after the finder has published these addresses. */
  published(...addresses: string[]): Promise<void> {
    const wanted = addresses.sort().join(' ')
    return this.until(`the finder publishes ${wanted}`, () => this.lists.at(-1) === wanted)
  }

  /** The `n`th request, counted from 1. */
  async call(n: number): Promise<Call> {
    await this.until(`request ${n}`, () => this.api.calls.length >= n)
    return this.api.calls[n - 1] as Call
  }

  /**
   * Advances time until `condition` holds: fast while the finder backs off, slowly while it watches, and not at all
   * while it waits for a response, which takes real time to arrive.
   */
  async until(label: string, condition: () => boolean): Promise<void> {
    const end = performance.now() + WAIT_MS
    while (!condition()) {
      const { state } = this.finder.status()
      await this.clock.advance(state === 'backing-off' ? 500 : state === 'watching' ? 20 : 0)
      await new Promise((resolve) => setTimeout(resolve, 1))
      if (performance.now() > end)
        throw new Error(`Timed out: ${label}. ErrorReporter: ${this.errors.join('; ')}`)
    }
  }

  /** Runs an action that makes the API server send; resolves after the finder has read it, without advancing time. */
  async reading(action: () => void): Promise<void> {
    const { bytes } = this
    action()
    await until('the finder reads it', () => this.bytes > bytes)
  }

  /** Resolves as `promise` does; advances time until then. */
  async passing<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false
    const settle = () => {
      isSettled = true
    }
    promise.then(settle, settle)
    await this.until('the promise settles', () => isSettled)
    return promise
  }

  async #follow(changes: PeerList['changes']): Promise<void> {
    for await (const peers of changes) this.#record(peers)
  }

  #record(peers: readonly Peer[]): void {
    this.peers = peers
    const addresses = peers.map(({ address }) => address)
    const list = addresses.sort().join(' ')
    // A list with the same addresses has other fields of a peer.
    if (this.lists.at(-1) !== list) this.lists.push(list)
  }
}
