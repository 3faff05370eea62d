import { describe, expect, it } from 'vitest'
import { AwaitedSeq } from '../../src/replication/exchange-fields.ts'
import { LinkExchange } from '../../src/replication/link-exchange.ts'
import { PeerProgress } from '../../src/replication/peer-progress.ts'
import type { SideExchange, SideSection } from '../../src/replication/side-channel.ts'
import type { RunLogs } from '../../src/wire/run-messages.ts'
import { settle, VirtualClock } from '../support/clock.ts'
import { FakeExchange } from '../support/fake-exchange.ts'
import { Side } from './side.ts'

const PART = { id: 'peer1:1', from: 0, chunks: ['a'] }
const FIRST = { v: 2, epoch: 'peer1', position: {}, runLogs: true }

/** An exchange whose side channel sends what a test queues. */
class Channel {
  readonly side = new Side('own00')
  readonly clock = new VirtualClock()
  readonly fake = new FakeExchange(this.clock)
  readonly received: RunLogs[] = []
  readonly queue: SideSection[] = []
  readonly ended: unknown[] = []
  acked = 0
  isOpen = false
  peer = new PeerProgress('peer1', 0)
  #push = () => {}

  constructor({ maySend = true } = {}) {
    const { log, replicator } = this.side
    const exchange = new LinkExchange(
      {
        log,
        replicator,
        clock: this.clock,
        awaited: new AwaitedSeq(() => {}),
        requestTimeoutMs: 5_000,
        progressOf: () => this.peer,
        wasPaused: () => false,
        onPause: () => {},
        sideChannel: { open: (opened) => this.#open(opened) },
      },
      {
        isOpener: maySend,
        maySend: () => maySend,
        onOpen: () => {},
        onPosition: () => {},
        onEnd: (error) => this.ended.push(error),
      },
    )
    this.fake.handler = exchange
    exchange.begin(this.fake)
  }

  /** Queues a section of `length` characters. */
  async send(length = 1): Promise<void> {
    const text = JSON.stringify({ parts: [{ id: 'own00:1', from: 0, chunks: ['x'.repeat(length)] }] })
    this.queue.push({ text, isAwaited: false, onAck: () => (this.acked += 1) })
    this.#push()
    await settle()
  }

  get sections(): unknown[] {
    return this.fake.messages.flatMap(({ runLogs }) => (typeof runLogs === 'object' ? [runLogs] : []))
  }

  #open({ push }: SideExchange) {
    this.isOpen = true
    this.#push = push
    return {
      receive: (section: RunLogs) => this.received.push(section),
      next: () => this.queue.shift(),
      close: () => {
        this.isOpen = false
      },
    }
  }
}

describe('the side channel of an exchange', () => {
  it('opens where the first message of the peer says that it knows runs, and closes with the exchange', async () => {
    const channel = new Channel()
    expect(channel.fake.messages).toMatchObject([{ epoch: 'own00', runLogs: true }])
    channel.fake.say(FIRST)
    expect(channel).toMatchObject({ isOpen: true, peer: { knowsRuns: true } })
    channel.fake.abort(new Error('cut'))
    expect(channel.isOpen).toBe(false)
  })

  it('stays closed to a peer of an older version', async () => {
    const channel = new Channel()
    channel.fake.say({ v: 2, epoch: 'peer1', position: {} })
    channel.fake.say({ runLogs: { parts: [PART] } })
    expect(channel).toMatchObject({ isOpen: false, peer: { knowsRuns: false }, received: [], ended: [] })
  })

  it('acknowledges a section as a message with entries, also one without any', async () => {
    const channel = new Channel()
    channel.fake.say(FIRST)
    channel.fake.say({ runLogs: { parts: [PART] } })
    channel.fake.say({ runLogs: { want: [['own00:1', 3]] }, runs: [] })
    await settle()
    expect(channel.received).toMatchObject([{ parts: [PART] }, { want: [['own00:1', 3]] }])
    expect(channel.fake.messages.at(-1)).toMatchObject({ taken: 2 })
  })

  it('acknowledges sections that may wait after 500 ms, and after 200 ms once an entry came as well', async () => {
    const channel = new Channel()
    channel.fake.say(FIRST)
    const acks = () => channel.fake.messages.filter(({ taken }) => taken !== undefined).length
    channel.fake.say({ delay: true, runLogs: { parts: [PART] } })
    await channel.clock.advance(499)
    expect(acks()).toBe(0)
    await channel.clock.advance(1)
    expect(acks()).toBe(1)
    channel.fake.say({ delay: true, runLogs: { parts: [PART] } })
    channel.fake.say({ delay: true, runs: [{ epoch: 'peer1', prev: 0, idle: 0, events: [] }] })
    await channel.clock.advance(200)
    expect(acks()).toBe(2)
  })

  it('sends sections from the accepting side as well, which sends no entries', async () => {
    const channel = new Channel({ maySend: false })
    channel.side.send('entry')
    channel.fake.say(FIRST)
    await channel.send()
    expect(channel.fake.messages.flatMap(({ runs = [] }) => runs)).toEqual([])
    expect(channel.sections).toHaveLength(1)
  })

  it('puts a section behind the entries of the same message', async () => {
    const channel = new Channel()
    channel.side.send('entry')
    channel.queue.push({ text: JSON.stringify({ leaving: true }), isAwaited: false, onAck: undefined })
    channel.fake.say(FIRST)
    await settle()
    expect(channel.fake.messages.slice(1)).toMatchObject([
      { runs: [{ epoch: 'own00' }], runLogs: { leaving: true } },
    ])
  })

  it('tells the sender when the peer has received a section', async () => {
    const channel = new Channel()
    channel.fake.say(FIRST)
    await channel.send()
    expect(channel.acked).toBe(0)
    channel.fake.say({ taken: 1, acks: {} })
    expect(channel.acked).toBe(1)
  })

  it('sends two sections at once, and later ones together after a millisecond', async () => {
    const channel = new Channel()
    channel.fake.say(FIRST)
    for (let i = 0; i < 4; i += 1) {
      await channel.send()
      await channel.clock.advance(0.125)
    }
    expect(channel.sections).toHaveLength(2)
    await channel.clock.advance(0.25)
    expect(channel.sections).toHaveLength(2)
    await channel.clock.advance(0.25)
    expect(channel.sections).toHaveLength(4)
  })

  it('waits with a full window for acknowledgements, and ends the exchange without any for 5 s', async () => {
    const channel = new Channel()
    channel.fake.say(FIRST)
    for (let i = 0; i < 20; i += 1)
      channel.queue.push({ text: section(60_000), isAwaited: false, onAck: () => {} })
    await channel.send()
    const before = channel.sections.length
    expect(before).toBeGreaterThan(3)
    expect(before).toBeLessThan(10)
    channel.fake.say({ taken: 2, acks: {} })
    await channel.clock.advance(1)
    expect(channel.sections).toHaveLength(before + 2)
    await channel.clock.advance(7_000)
    expect(channel.ended).toHaveLength(1)
    expect(channel.isOpen).toBe(false)
  })
})

function section(length: number): string {
  return JSON.stringify({ parts: [{ id: 'own00:1', from: 0, chunks: ['x'.repeat(length)] }] })
}
