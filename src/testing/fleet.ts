import { systemClock } from '../clock.ts'
import { StaticPeerFinder } from '../discovery/static.ts'
import { SserError } from '../errors.ts'
import { type Sser, serverSideOf } from '../sser.ts'
import { isObject } from '../validation.ts'
import { createInstance, type TestOptions } from './instance.ts'
import type { ManualClock } from './manual-clock.ts'

/** An app of Hono, or any other object with the same `fetch`. */
export interface App {
  fetch(request: Request): Response | Promise<Response>
}

export interface FleetPodOptions {
  name: string
  createSser(): Sser
  createApp(sser: Sser): App
  /** Lets time pass while a Pod starts. */
  during<T>(work: Promise<T>): Promise<T>
}

/** One Pod of a fleet in memory. */
export class FleetPod {
  /** Host name of the Pod; receipts and `peers` name it with the port, as `pod-1:7000`. */
  readonly name: string
  readonly #options: FleetPodOptions
  #sser: Sser
  #app: App
  #isRunning = true

  constructor(options: FleetPodOptions) {
    this.name = options.name
    this.#options = options
    this.#sser = options.createSser()
    this.#app = options.createApp(this.#sser)
  }

  /** The instance; another one after {@link restart}. */
  get sser(): Sser {
    return this.#sser
  }

  /** False between {@link kill} and {@link restart}, and after `sser.stop()`. */
  get isRunning(): boolean {
    return this.#isRunning && this.#sser.state !== 'stopped'
  }

  /**
   * Sends a request of a client to the Pod's app, as `app.request()` of Hono does.
   * @param input A `Request`, a URL, or a path.
   * @throws TypeError where the Pod does not run, as `fetch()` does.
   */
  async request(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    if (!this.isRunning)
      throw new TypeError('fetch failed', { cause: new Error(`connect ECONNREFUSED ${this.name}`) })
    const request = input instanceof Request ? input : new URL(input, `http://${this.name}`)
    return this.#app.fetch(new Request(request, init))
  }

  /**
   * Ends the Pod as SIGKILL does: no drain, no handover to the peers, and its log is lost. Responses to its clients end.
   * For a stop as by SIGTERM call `sser.stop()`.
   */
  kill(): void {
    this.#isRunning = false
    serverSideOf(this.#sser)?.kill()
  }

  /**
   * Starts a new instance under the same name, which fetches the log of a peer; kills the old one before, if it runs.
   * Await {@link Fleet.connected} where the next `send()` must reach all Pods.
   */
  async restart(): Promise<void> {
    this.kill()
    this.#sser = this.#options.createSser()
    this.#app = this.#options.createApp(this.#sser)
    this.#isRunning = true
    await this.#options.during(this.#sser.start())
  }
}

// Read while the module loads: a wait for the links must end although a test has faked the timers.
const { setTimeout } = globalThis

const MAX_PODS = 100
/** Maximum number of turns of the event loop in which new Pods connect; signatures take some. */
const MAX_TURNS = 500
/** Interval at which a wait looks at the links, in milliseconds. */
const POLL_MS = 5

/** Options of {@link createFleet}. */
export interface FleetOptions extends TestOptions {
  /**
   * Makes the app of a Pod, which answers {@link FleetPod.request}. Called again when the Pod restarts.
   * @default the events endpoint alone, at every path
   */
  app?: ((sser: Sser) => App) | undefined
}

/** Pods in one process that send requests to each other in memory. */
export class Fleet {
  readonly pods: readonly FleetPod[]
  readonly #clock: ManualClock | undefined
  /** The group of each Pod while the network is divided. */
  #groups: ReadonlyMap<FleetPod, number> = new Map()

  /** Use {@link createFleet}, which starts the Pods as well. */
  constructor(size: number, { app = (sser) => ({ fetch: sser.handler }), ...options }: FleetOptions) {
    this.#clock = options.clock
    const names = Array.from({ length: size }, (_, index) => `pod-${index}`)
    this.pods = names.map((name) => {
      const network = {
        peerFinder: new StaticPeerFinder(names),
        peerFetch: (url: string, init: RequestInit) =>
          this.#carry(pod, new URL(url).hostname, new Request(url, init)),
      }
      const pod: FleetPod = new FleetPod({
        name,
        createApp: app,
        createSser: () => createInstance(options, network),
        during: (work) => this.#during(work),
      })
      return pod
    })
  }

  /** @throws RangeError where the fleet has no such Pod. */
  pod(index: number): FleetPod {
    const pod = this.pods[index]
    if (pod === undefined)
      throw new RangeError(`fleet.pod(): expected 0 to ${this.pods.length - 1}, got ${index}`)
    return pod
  }

  /**
   * Divides the network: only Pods of the same group reach each other, and requests between groups are refused. A Pod in
   * no group is alone. Clients reach every Pod.
   * @example fleet.partition([0], [1, 2])
   */
  partition(...groups: readonly (readonly number[])[]): void {
    const numbers = new Map(
      groups.flatMap((group, number) => group.map((index) => [this.pod(index), number])),
    )
    this.pods.forEach((pod, index) => {
      if (!numbers.has(pod)) numbers.set(pod, groups.length + index)
    })
    this.#groups = numbers
  }

  /** Ends the partition. Links retry with their usual backoff: see {@link Fleet.connected}. */
  heal(): void {
    this.#groups = new Map()
  }

  /**
   * Waits until every Pod that runs has a link to every other one that it reaches. Advances a `ManualClock`; with fake
   * timers, advance them meanwhile.
   * @throws DOMException `TimeoutError` after `timeoutMs` of real time. Default: 10,000.
   */
  async connected({ timeoutMs = 10_000 }: { timeoutMs?: number | undefined } = {}): Promise<void> {
    if (this.#clock !== undefined)
      return this.#clock.until('every link is connected', () => this.#isConnected())
    // Bun fakes every timer, so the first links, which need no time, are awaited by turns of the event loop.
    for (let turns = 0; turns < MAX_TURNS && !this.#isConnected(); turns += 1)
      await new Promise<void>((resolve) => systemClock.after(0, resolve))
    for (let waitedMs = 0; !this.#isConnected(); waitedMs += POLL_MS) {
      if (waitedMs >= timeoutMs)
        throw new DOMException(
          `The Pods were not connected within ${timeoutMs} ms; with fake timers, advance them, because links wait before they retry`,
          'TimeoutError',
        )
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
  }

  /** Stops every Pod at once, as `kill()` does. */
  async stop(): Promise<void> {
    for (const pod of this.pods) pod.kill()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** Starts every Pod. */
  async start(): Promise<void> {
    await this.#during(Promise.all(this.pods.map(({ sser }) => sser.start())))
    await this.connected()
  }

  /** Lets a `ManualClock` run until the promise settles. */
  async #during<T>(work: Promise<T>): Promise<T> {
    let isSettled = false
    const settle = () => {
      isSettled = true
    }
    work.then(settle, settle)
    await this.#clock?.until('the Pods have started', () => isSettled)
    return work
  }

  #carry(from: FleetPod, to: string, request: Request): Promise<Response> {
    const target = this.pods.find(({ name }) => name === to) as FleetPod
    const isDivided = this.#groups.get(from) !== this.#groups.get(target)
    if (isDivided || !from.isRunning || !target.isRunning) return Promise.reject(refused(to))
    return Promise.resolve(target.sser.internalRoutes.fetch(request))
  }

  #isConnected(): boolean {
    const running = this.pods.filter(({ isRunning }) => isRunning)
    return running.every((pod) =>
      pod.sser.peers.every(({ peer, state }) => {
        const other = running.find(({ name }) => peer.startsWith(`${name}:`))
        if (other === undefined || this.#groups.get(other) !== this.#groups.get(pod)) return true
        return state === 'connected' || state === 'self'
      }),
    )
  }
}

/**
 * Creates and starts a fleet of `size` Pods in this process, without ports: each is a real `Sser`, and their requests to
 * each other stay in memory. Resolves when all are connected.
 * @throws SserError `invalid-options`
 * @example
 * await using fleet = await createFleet(3, { app: createApp })
 * const client = events(await fleet.pod(0).request('/events?stream=orders'))
 * await fleet.pod(2).sser.send('orders', 'two coffees')
 */
export async function createFleet(size: number, options: FleetOptions = {}): Promise<Fleet> {
  if (!Number.isInteger(size) || size < 1 || size > MAX_PODS)
    throw new SserError('invalid-argument', `createFleet(): expected 1 to ${MAX_PODS} Pods, got ${size}`)
  if (!isObject(options))
    throw new SserError(
      'invalid-argument',
      `createFleet(): expected an object of options, got ${String(options)}`,
    )
  const fleet = new Fleet(size, options)
  try {
    await fleet.start()
  } catch (error) {
    await fleet.stop()
    throw error
  }
  return fleet
}

function refused(host: string): TypeError {
  return new TypeError('fetch failed', { cause: new Error(`connect ECONNREFUSED ${host}`) })
}
