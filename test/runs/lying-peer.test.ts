import { afterEach, describe, expect, it } from 'vitest'
import type { RunItem } from '../../src/index.ts'
import { SserError } from '../../src/index.ts'
import { encodeRunsRequest, type RunLogs } from '../../src/wire/run-messages.ts'
import { settle } from '../support/clock.ts'
import { FakeOpener } from '../support/fake-exchange.ts'
import { Among, FakePeer } from '../support/fake-peer.ts'

const PEER = '10.0.0.1'
const RUN = 'peer1:1'
const START = { epoch: 'peer1', prev: 0, idle: 0, events: [{ seq: 1, age: 0, run: { start: 'chat' } }] }

let pod: Among

afterEach(async () => {
  await pod.stop()
})

/** A Pod with an open exchange to a peer that has started the run `chat`. */
async function begin() {
  const opener: FakeOpener = new FakeOpener(() => pod.clock)
  pod = new Among({ [PEER]: new FakePeer('peer1') }, { openExchange: opener.open })
  await pod.start()
  const { latest } = opener
  latest.say({ v: 2, epoch: 'peer1', position: {}, runLogs: true })
  latest.say({ runs: [START] })
  await settle()
  return { opener, latest }
}

const sections = ({ latest }: FakeOpener): RunLogs[] =>
  latest.messages.flatMap(({ runLogs }) => (typeof runLogs === 'object' ? [runLogs] : []))

/** Items of a reader of the run, as they come. */
function read(name: string): RunItem[] {
  const items: RunItem[] = []
  void (async () => {
    for await (const item of pod.sser.readRun(name)) items.push(item)
  })()
  return items
}

const texts = (items: RunItem[]) => items.map((item) => (item.type === 'chunk' ? item.text : item.type))
const codes = () => pod.errors.map(({ error }) => (error as SserError).code)

describe('a peer that lies about runs', () => {
  it('is asked for the chunks of its run, and is believed as long as it is consistent', async () => {
    const { latest, opener } = await begin()
    const items = read('chat')
    await settle()
    expect(sections(opener).flatMap(({ want }) => want)).toEqual([[RUN, 0]])
    latest.say({ runLogs: { parts: [{ id: RUN, from: 0, chunks: ['a', 'b'] }] } })
    latest.say({ runLogs: { parts: [{ id: RUN, from: 1, chunks: ['b', 'c'] }] } })
    await settle()
    expect(texts(items)).toEqual(['a', 'b', 'c'])
  })

  it('is reported where it contradicts a chunk, which stays, and its exchange ends', async () => {
    const { latest } = await begin()
    const items = read('chat')
    latest.say({ runLogs: { parts: [{ id: RUN, from: 0, chunks: ['a', 'b'] }] } })
    latest.say({ runLogs: { parts: [{ id: RUN, from: 1, chunks: ['forged', 'c'] }] } })
    await settle()
    expect(texts(items)).toEqual(['a', 'b'])
    expect(codes()).toContain('conflicting-event')
    expect(latest.abortedWith).toBeInstanceOf(SserError)
  })

  it('is reported where it tells a second end', async () => {
    const { latest } = await begin()
    const items = read('chat')
    latest.say({
      runLogs: { parts: [{ id: RUN, from: 0, chunks: ['a'], end: { state: 'failed', chunks: 2 } }] },
    })
    latest.say({ runLogs: { parts: [{ id: RUN, from: 1, chunks: [], end: { state: 'ended', chunks: 1 } }] } })
    await settle()
    expect(texts(items)).toEqual(['a'])
    expect(codes()).toContain('conflicting-event')
  })

  it('is reported where it sends chunks after the end, which no reader receives', async () => {
    const { latest } = await begin()
    const first = read('chat')
    latest.say({
      runLogs: { parts: [{ id: RUN, from: 0, chunks: ['a'], end: { state: 'ended', chunks: 1 } }] },
    })
    await settle()
    latest.say({ runLogs: { parts: [{ id: RUN, from: 1, chunks: ['forged'] }] } })
    const second = read('chat')
    await settle()
    expect([texts(first), texts(second)]).toEqual([
      ['a', 'end'],
      ['a', 'end'],
    ])
    expect(codes()).toContain('conflicting-event')
  })

  it('cannot make flush() count Pods that it invents, of which nothing is stored', async () => {
    await begin()
    let run: Awaited<ReturnType<typeof pod.sser.startRun>> | undefined
    void pod.sser.startRun('own').then((started) => {
      run = started
    })
    await pod.clock.until('the run starts', () => run !== undefined)
    run?.write('mine')
    for (let i = 0; i < 100; i += 1) {
      const body = encodeRunsRequest({ epoch: String(10_000 + i), want: [[run?.id ?? '', 1]] })
      const headers = { 'content-type': 'application/json' }
      const response = await pod.sser.internalRoutes.request('http://10.0.0.0:7000/api/json/v2/runs', {
        method: 'POST',
        headers,
        body,
      })
      expect(response.status).toBe(200)
    }
    let held: number | undefined
    void run?.flush().then((count) => {
      held = count
    })
    await pod.clock.until('flush() resolves', () => held !== undefined)
    expect(held).toBe(0)
    run?.end()
  })

  it('cannot write a run of this Pod, or one that this Pod does not know', async () => {
    const { latest } = await begin()
    let run: Awaited<ReturnType<typeof pod.sser.startRun>> | undefined
    void pod.sser.startRun('own').then((started) => {
      run = started
    })
    await pod.clock.until('the run starts', () => run !== undefined)
    run?.write('mine')
    latest.say({ runLogs: { parts: [{ id: run?.id, from: 1, chunks: ['forged'] }] } })
    latest.say({ runLogs: { parts: [{ id: 'peer1:7', from: 0, chunks: ['forged'] }] } })
    run?.end()
    const items = read('own')
    await settle()
    expect(texts(items)).toEqual(['mine', 'end'])
  })

  it('that wants more runs than there may be loses its exchange', async () => {
    const { latest } = await begin()
    const wants = (from: number) => Array.from({ length: 40_000 }, (_, i) => [`peer1:${from + i}`, 0])
    latest.say({ runLogs: { want: wants(1) } })
    expect(latest.abortedWith).toBeUndefined()
    latest.say({ runLogs: { want: wants(40_001) } })
    expect(latest.abortedWith).toMatchObject({ code: 'invalid-peer-message' })
  })

  it('that never takes what it wants is sent no more than the window, and loses its exchange', async () => {
    const { latest, opener } = await begin()
    let run: Awaited<ReturnType<typeof pod.sser.startRun>> | undefined
    void pod.sser.startRun('own').then((started) => {
      run = started
    })
    await pod.clock.until('the run starts', () => run !== undefined)
    for (let i = 0; i < 200; i += 1) run?.write('x'.repeat(20_000))
    latest.say({ runLogs: { want: [[run?.id, 0]] } })
    await pod.clock.advance(3)
    const length = latest.texts.reduce((sum, text) => sum + text.length, 0)
    expect(length).toBeGreaterThan(100_000)
    expect(length).toBeLessThan(700_000)
    await pod.clock.advance(7_000)
    expect(opener.exchanges[0]?.abortedWith).toBeDefined()
    run?.end()
  })

  it('that has none of the chunks that it is asked for costs the reader a gap, not the end', async () => {
    const { latest } = await begin()
    const items = read('chat')
    await settle()
    latest.say({ runLogs: { parts: [{ id: RUN, from: 2, chunks: [], floor: true }] } })
    await pod.clock.advance(500)
    latest.say({
      runLogs: { parts: [{ id: RUN, from: 2, chunks: ['c'], end: { state: 'ended', chunks: 3 } }] },
    })
    await pod.clock.advance(500)
    expect(texts(items)).toEqual(['gap', 'c', 'end'])
  })
})
