import { type ErrorContext, type Sser, StaticPeerFinder } from '../../src/index.ts'
import type { ServerSide } from '../../src/server-side.ts'
import { serverSideOf } from '../../src/sser.ts'
import type { Exchange, ExchangeHandler } from '../../src/transport/peer-transport.ts'
import { parseAppend } from '../../src/wire/append-message.ts'
import { Client } from './client.ts'
import { settle, VirtualClock } from './clock.ts'
import { PairedExchanges } from './paired-exchanges.ts'
import { newSser, type TestSettings } from './settings.ts'
import { within } from './until.ts'

/** Handles a request on one link: `deliver` carries it to the peer; `signal` aborts when the sender's timeout is over. */
export type LinkFault = (deliver: () => Promise<Response>, signal: AbortSignal) => Promise<Response>

/** No server listens at the address. */
export const refused: LinkFault = async () => {
  throw new TypeError('fetch failed', {
    cause: Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }),
  })
}

/** The request never arrives, and the sender is not told. */
export const hung: LinkFault = (_deliver, signal) =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))

/** The request arrives; its answer does not. */
export const answerLost: LinkFault = async (deliver, signal) => {
  await deliver()
  return hung(deliver, signal)
}

/** The request arrives twice. */
export const duplicated: LinkFault = async (deliver) => {
  await deliver()
  return deliver()
}

/** The request arrives after `ms`, and its answer after as long again. */
export function late(clock: VirtualClock, ms: number): LinkFault {
  const pass = () => new Promise<void>((resolve) => void clock.after(ms, resolve))
  return async (deliver) => {
    await pass()
    const response = await deliver()
    await pass()
    return response
  }
}

export interface Carried {
  from: number
  to: number
  path: string
  body: string
}

/** One Pod, with the errors that it reported. */
export class Pod {
  readonly sser: Sser
  readonly errors: { error: unknown; context: ErrorContext }[] = []

  constructor(settings: TestSettings) {
    this.sser = newSser({
      logger: false,
      ...settings,
      onError: (error, context) => this.errors.push({ error, context }),
    })
  }

  /** A client that reads all the time. */
  connect(...streams: string[]): Client {
    return this.open(streams).flow()
  }

  /** A client that reads when it is told to. */
  open(streams: readonly string[], lastEventId?: string, parameters: Record<string, string> = {}): Client {
    const named = streams.map((stream) => ['stream', stream])
    const query = new URLSearchParams([...named, ...Object.entries(parameters)])
    const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId }
    // Without `authorize` the routes respond at once; the handler always returns a promise.
    return new Client(this.sser.routes.fetch(new Request(`http://pod/?${query}`, { headers })) as Response)
  }
}

/** Pods in one process, on one clock, joined by links that can be told to fail. */
export class Fleet {
  readonly clock: VirtualClock
  readonly pods: Pod[]
  /** Every request between Pods, as it was handed to its link. */
  readonly carried: Carried[] = []
  /** Undefined: its Pods have no exchanges. */
  readonly exchanges: PairedExchanges | undefined
  readonly #errors = new Map<string, LinkFault>()
  readonly #settings: TestSettings
  readonly #size: number

  constructor(size: number, settings: TestSettings = {}, hasExchanges = false) {
    this.clock = new VirtualClock()
    this.exchanges = hasExchanges ? new PairedExchanges() : undefined
    this.#settings = settings
    this.#size = size
    this.pods = Array.from({ length: size }, (_, index) => this.#make(index))
  }

  /** A fleet that has started, and whose Pods all know each other. */
  static async of(size: number, settings?: TestSettings): Promise<Fleet> {
    const fleet = new Fleet(size, settings)
    await fleet.start(...fleet.pods)
    await fleet.clock.until('every link is up', () => fleet.pods.every(isJoined))
    return fleet
  }

  /** The same, with an exchange open between each two Pods. */
  static async withExchanges(size: number, settings?: TestSettings): Promise<Fleet> {
    const fleet = new Fleet(size, settings, true)
    await fleet.start(...fleet.pods)
    await fleet.clock.until('every exchange is open', () => fleet.pods.every(hasExchanges))
    return fleet
  }

  pod(index: number): Pod {
    return this.pods[index] as Pod
  }

  host(index: number): string {
    return `10.0.${index >> 8}.${index & 255}:7000`
  }

  async start(...pods: readonly Pod[]): Promise<void> {
    let started = false
    const all = Promise.all(pods.map(({ sser }) => sser.start())).then(() => {
      started = true
    })
    await this.clock.until('the Pods start', () => started)
    await within('the Pods start', all)
  }

  /** Sets the fault of the link from one Pod to another; without a fault, the link works. */
  link(from: number, to: number, fault?: LinkFault): void {
    if (fault === undefined) this.#errors.delete(`${from}>${to}`)
    else this.#errors.set(`${from}>${to}`, fault)
    if (fault !== undefined) this.exchanges?.cut((a, b) => a === from && b === to)
  }

  /** Both ways. */
  cut(a: number, b: number, fault: LinkFault | undefined = refused): void {
    this.link(a, b, fault)
    this.link(b, a, fault)
  }

  heal(): void {
    this.#errors.clear()
  }

  /** A new Pod at the same address, not started; the old one is gone without a word. */
  replace(index: number, settings?: TestSettings): Pod {
    const pod = this.#make(index, settings)
    this.pods[index] = pod
    return pod
  }

  /** Ends a Pod as if its process were killed; nothing listens at its address then. */
  kill(index: number): void {
    const { sser } = this.pod(index)
    for (let other = 0; other < this.#size; other += 1) this.cut(index, other)
    serverSideOf(sser)?.kill()
  }

  /** Stops all Pods; time passes, so that pending requests to peers end. */
  async stop(): Promise<void> {
    const stopped = Promise.all(this.pods.map(({ sser }) => sser.stop()))
    await this.clock.advance(20_000)
    await within('the Pods stop', stopped)
  }

  /** Ids of the third Pods' events that went from one Pod to another. */
  handedOn(from: number, to: number): string[] {
    return this.carried
      .filter((request) => request.from === from && request.to === to && request.path.endsWith('v2/append'))
      .map(({ body }) => parseAppend(body))
      .flatMap(({ epoch, runs }) => runs.filter((run) => run.epoch !== epoch))
      .flatMap((run) => run.events.map(({ seq }) => `${run.epoch} ${seq}`))
  }

  #make(from: number, settings?: TestSettings): Pod {
    const peers = Array.from({ length: this.#size }, (_, index) => this.host(index))
    return new Pod({
      clock: this.clock,
      peerFinder: new StaticPeerFinder(peers),
      peerFetch: (url, init) => this.#carry(from, new URL(url), init),
      ...(this.exchanges !== undefined && {
        openExchange: async ({ host }, handler) => this.#open(from, this.#indexOf(host), handler),
      }),
      ...this.#settings,
      ...settings,
    })
  }

  #open(from: number, to: number, handler: ExchangeHandler): Exchange {
    if (this.#errors.has(`${from}>${to}`)) throw new TypeError('fetch failed')
    const { accept } = serverSideOf(this.pod(to).sser) as ServerSide
    return (this.exchanges as PairedExchanges).open(from, to, handler, accept)
  }

  #indexOf(host: string): number {
    const [, , high = 0, low = 0] = host.split(/[.:]/).map(Number)
    return 256 * high + low
  }

  #carry(from: number, url: URL, init: RequestInit): Promise<Response> {
    const to = this.#indexOf(url.hostname)
    this.carried.push({ from, to, path: url.pathname, body: init.body as string })
    const deliver = async () => this.pod(to).sser.internalRoutes.fetch(new Request(url, init))
    const fault = this.#errors.get(`${from}>${to}`)
    return fault === undefined ? deliver() : fault(deliver, init.signal as AbortSignal)
  }
}

function hasExchanges({ sser }: Pod): boolean {
  return sser.peers.every(({ state, exchange }) => exchange || state === 'self')
}

function isJoined({ sser }: Pod): boolean {
  return sser.peers.every(({ state }) => state === 'connected' || state === 'self')
}

/** The outcome of a promise after all work that needs no time; undefined if it is still pending. */
export async function outcome<T>(promise: Promise<T>): Promise<PromiseSettledResult<T> | undefined> {
  let result: PromiseSettledResult<T> | undefined
  promise.then(
    (value) => {
      result = { status: 'fulfilled', value }
    },
    (reason: unknown) => {
      result = { status: 'rejected', reason }
    },
  )
  await settle()
  return result
}
