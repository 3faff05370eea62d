import { describe, expect, it } from 'vitest'
import type { Settings } from '../../../src/client/settings.ts'
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
class Sharing {
  readonly fleet: Fleet
  readonly random = seededRandom(SEED)
  readonly links = new Set<FakeLink>()
  readonly sent: { stream: string; msg: string; epoch: string; seq: number }[] = []
  hub: Hub
  requests = 0
  open = 0

  private constructor(fleet: Fleet) {
    this.fleet = fleet
    this.hub = this.#newHub()
  }

  static async start(): Promise<Sharing> {
    return new Sharing(await Fleet.of(3, { retryMs: 100, heartbeatMs: HEARTBEAT_MS }))
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
    return new Hub({ source: new StreamSource(this.settings()), clock, heartbeatMs: HEARTBEAT_MS })
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
class FakeLink implements Link {
  readonly #sharing: Sharing
  readonly #handlers: LinkHandlers
  #port!: Port
  #held: (() => void)[] | undefined
  /** Items that came while the tab was frozen. */
  heldItems = 0

  constructor(sharing: Sharing, handlers: LinkHandlers) {
    this.#sharing = sharing
    this.#handlers = handlers
    sharing.links.add(this)
    queueMicrotask(() => this.meet())
  }

  meet(): void {
    const port = new Port((message) => {
      const copy = structuredClone(message)
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
class FakeTab {
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

function expectExact(sharing: Sharing, tab: FakeTab): void {
  for (const [stream, from] of tab.from) {
    const wanted = sharing.sent.filter((one) => one.stream === stream && !hasEvent(from, one.epoch, one.seq))
    expect((tab.received.get(stream) ?? []).toSorted((x, y) => Number(x) - Number(y))).toEqual(
      wanted.map(({ msg }) => msg),
    )
  }
  expect(tab.gaps).toEqual([])
}

describe('the hub of the tabs', () => {
  it('delivers each event once to each tab, while tabs come, freeze, are cached, and take the hub over', async () => {
    const sharing = await Sharing.start()
    const { clock } = sharing.fleet
    const names = ['a', 'b', 'c', 'd', 'e']
    const streams = () => names.filter((_, i) => i === 0 || sharing.random() < 0.4)
    const tabs = [sharing.tab('a', 'b'), sharing.tab('a', 'c')]
    await clock.advance(500)
    const moves = [
      () => tabs.length < 8 && tabs.push(sharing.tab(...streams())),
      () => sharing.replaceHub(),
      (tab: FakeTab) => tab.link?.freeze(),
      (tab: FakeTab) => tab.link?.unfreeze(),
      (tab: FakeTab) => tab.page.fire('pagehide', { persisted: true }),
      (tab: FakeTab) => tab.page.fire('pageshow', { persisted: true }),
    ]
    for (let step = 0; step < 600; step += 1) {
      sharing.send(names[sharing.pick(names.length)] as string)
      if (sharing.random() < 0.7) await clock.advance(sharing.pick(30))
      const tab = tabs[sharing.pick(tabs.length)] as FakeTab
      if (sharing.random() < 0.15) moves[sharing.pick(moves.length)]?.(tab)
    }
    for (const tab of tabs) {
      tab.link?.unfreeze()
      tab.page.fire('pageshow', { persisted: true })
    }
    await clock.advance(10_000)
    expect(tabs.length).toBe(8)
    expect(sharing.sent.length).toBe(600)
    for (const tab of tabs) expectExact(sharing, tab)
    expect(sharing.open).toBe(1)
    for (const tab of tabs) tab.source.close()
    sharing.hub.close()
    await sharing.fleet.stop()
  })

  it('sends a tab that reads nothing no more than 10,000 items, and all that it lacks afterwards', async () => {
    const sharing = await Sharing.start()
    const { clock } = sharing.fleet
    const [tab, other] = [sharing.tab('a'), sharing.tab('a')]
    await clock.advance(500)
    tab.link?.freeze()
    for (let i = 0; i < 12_000; i += 1) {
      sharing.send('a')
      if (i % 500 === 0) await clock.advance(20)
    }
    await clock.advance(500)
    expect(tab.received.size).toBe(0)
    expect(tab.link?.heldItems).toBeGreaterThan(10_000)
    expect(tab.link?.heldItems).toBeLessThan(11_500)
    tab.link?.unfreeze()
    await clock.advance(2_000)
    for (const each of [tab, other]) expectExact(sharing, each)
    await sharing.fleet.stop()
  }, 30_000)

  it('keeps the streams of a tab that has left for five seconds, and the connection for no longer', async () => {
    const sharing = await Sharing.start()
    const { clock } = sharing.fleet
    const [tab, other] = [sharing.tab('a'), sharing.tab('b')]
    await clock.advance(500)
    const { requests } = sharing
    other.source.close()
    const again = sharing.tab('b')
    await clock.advance(4_000)
    expect(sharing.requests).toBe(requests)
    for (const each of [tab, again]) each.source.close()
    await clock.advance(6_000)
    expect(sharing.open).toBe(0)
    await sharing.fleet.stop()
  })

  it('leaves a tab alone whose streams are too many for one connection', async () => {
    const sharing = await Sharing.start()
    const { clock } = sharing.fleet
    const many = (prefix: string) => Array.from({ length: 20 }, (_, i) => `${prefix}${i}`)
    const tabs = [sharing.tab(...many('a')), sharing.tab(...many('b'))]
    await clock.advance(500)
    sharing.send('a7')
    sharing.send('b7')
    await clock.advance(500)
    expect(tabs.map(({ received }) => [...received.keys()])).toEqual([['a7'], ['b7']])
    expect(sharing.open).toBe(2)
  })

  it('ignores messages that no tab of this version sends', async () => {
    const sharing = await Sharing.start()
    const { clock } = sharing.fleet
    const tab = sharing.tab('a')
    await clock.advance(500)
    const { isHubMessage, isTabMessage } = await import('../../../src/client/share/messages.ts')
    for (const message of [
      null,
      1,
      'join',
      {},
      { type: 'join' },
      { type: 'items', session: 1, items: [{}] },
    ]) {
      expect([isHubMessage(message), isTabMessage(message)]).toEqual([false, false])
    }
    expect(isTabMessage({ type: 'constructor' })).toBe(false)
    sharing.send('a')
    await clock.advance(100)
    expectExact(sharing, tab)
  })
})
