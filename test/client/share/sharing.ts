import { expect } from 'vitest'
import type { Settings } from '../../../src/client/options.ts'
import { Hub } from '../../../src/client/share/hub.ts'
import type { Link, LinkHandlers, TabMessage } from '../../../src/client/share/messages.ts'
import { Port } from '../../../src/client/share/port.ts'
import { SharedSource } from '../../../src/client/share/shared-source.ts'
import { StreamSource } from '../../../src/client/stream-source.ts'
import { parsePosition } from '../../../src/wire/position.ts'
import { FakePage } from '../../support/connected-client.ts'
import { Fleet } from '../../support/fleet.ts'
import { SEED, seededRandom } from '../../support/messages.ts'

const HEARTBEAT_MS = 1_000
const hasEvent = (id: string, epoch: string, seq: number) => (parsePosition(id)?.get(epoch)?.seq ?? 0) >= seq

/** Pods in process, and the hub of the tabs, which another one can replace. */
export class Sharing {
  readonly fleet: Fleet
  readonly random = seededRandom(SEED)
  readonly links = new Set<FakeLink>()
  readonly #batchMs: number
  readonly sent: { stream: string; msg: string; epoch: string; seq: number }[] = []
  hub: Hub
  requests = 0
  open = 0

  private constructor(fleet: Fleet, batchMs: number) {
    this.fleet = fleet
    this.#batchMs = batchMs
    this.hub = this.#newHub()
  }

  static async start(batchMs = 0): Promise<Sharing> {
    return new Sharing(await Fleet.of(3, { retryMs: 100, heartbeatMs: HEARTBEAT_MS }), batchMs)
  }

  pick(below: number): number {
    return Math.floor(this.random() * below)
  }

  settings(page = new FakePage()): Settings {
    const { clock } = this.fleet
    return {
      url: 'http://pod/',
      headers: undefined,
      credentials: undefined,
      fetch: (url, init) => this.#fetch(url, init),
      heartbeatMs: HEARTBEAT_MS,
      share: true,
      user: undefined,
      persist: false,
      clock,
      page,
    }
  }

  send(stream: string): string {
    const { sser } = this.fleet.pod(this.pick(3))
    const msg = `${this.sent.length}`
    void sser.send(stream, msg)
    const { epoch } = sser.stats()
    const seq = parsePosition(sser.position as string)?.get(epoch)?.seq as number
    this.sent.push({ stream, msg, epoch, seq })
    return msg
  }

  /** Another tab has become the leader. */
  replaceHub(): void {
    this.hub.close()
    this.hub = this.#newHub()
    for (const link of this.links) link.meet()
  }

  tab(...streams: string[]): FakeTab {
    const tab = new FakeTab(this)
    tab.source.setStreams(streams)
    return tab
  }

  #newHub(): Hub {
    const { clock } = this.fleet
    const source = new StreamSource(this.settings())
    return new Hub({ source, clock, heartbeatMs: HEARTBEAT_MS, batchMs: this.#batchMs })
  }

  async #fetch(url: string, { signal, headers }: RequestInit): Promise<Response> {
    this.requests += 1
    this.open += 1
    signal?.addEventListener('abort', () => {
      this.open -= 1
    })
    return this.fleet.pod(this.pick(3)).sser.handler(new Request(url, { headers: headers as Headers }))
  }
}

/** A way to the hub that holds messages back while the tab is frozen. */
export class FakeLink implements Link {
  readonly #sharing: Sharing
  readonly #handlers: LinkHandlers
  #port!: Port
  #held: (() => void)[] | undefined
  /** Items that came while the tab was frozen. */
  heldItems = 0
  /** Messages with items that were posted to the tab. */
  messages = 0

  constructor(sharing: Sharing, handlers: LinkHandlers) {
    this.#sharing = sharing
    this.#handlers = handlers
    sharing.links.add(this)
    queueMicrotask(() => this.meet())
  }

  meet(): void {
    const port = new Port((message) => {
      const copy = structuredClone(message)
      if (copy.type === 'items' && copy.items.length > 0) this.messages += 1
      if (this.#held !== undefined && copy.type === 'items') this.heldItems += copy.items.length
      this.#run(() => {
        if (port === this.#port) this.#handlers.onMessage(copy)
      })
    }, this.#sharing.fleet.clock.now())
    this.#port = port
    this.#run(() => {
      if (port === this.#port) this.#handlers.onHub()
    })
  }

  freeze(): void {
    this.#held ??= []
  }

  unfreeze(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const run of held) run()
  }

  post(message: TabMessage): void {
    this.#sharing.hub.receive(this.#port, structuredClone(message))
  }

  replaceHub(): void {
    this.#sharing.replaceHub()
  }

  close(): void {
    this.#sharing.links.delete(this)
  }

  #run(run: () => void): void {
    if (this.#held === undefined) run()
    else this.#held.push(run)
  }
}

/** A tab, and what it has received. */
export class FakeTab {
  readonly page = new FakePage()
  readonly source: SharedSource
  readonly received = new Map<string, string[]>()
  /** The position from which on it has each stream. */
  readonly from = new Map<string, string>()
  readonly gaps: string[] = []
  readonly states: string[] = []
  link: FakeLink | undefined

  constructor(sharing: Sharing) {
    this.source = new SharedSource(sharing.settings(this.page), [
      (handlers) => {
        this.link = new FakeLink(sharing, handlers)
        return this.link
      },
    ])
    this.source.listen((item) => {
      if (item.type === 'gap') this.gaps.push(item.reason)
      if (item.type === 'state') this.states.push(item.error?.code ?? item.state)
      if (item.type === 'open')
        for (const stream of item.streams)
          if (!this.from.has(stream)) this.from.set(stream, item.id as string)
      if (item.type === 'event' && this.from.has(item.stream))
        this.received.set(item.stream, [...(this.received.get(item.stream) ?? []), item.data])
    })
  }
}

/** Fails unless the tab has received each event of its streams once, and no gap. */
export function expectExact(sharing: Sharing, tab: FakeTab): void {
  for (const [stream, from] of tab.from) {
    const wanted = sharing.sent.filter((one) => one.stream === stream && !hasEvent(from, one.epoch, one.seq))
    expect((tab.received.get(stream) ?? []).toSorted((x, y) => Number(x) - Number(y))).toEqual(
      wanted.map(({ msg }) => msg),
    )
  }
  expect(tab.gaps).toEqual([])
}
