import { describe, expect, it } from 'vitest'
import { prepareConnection } from '../../src/admission/admit.ts'
import type { Sink } from '../../src/delivery/connection.ts'
import { settle } from '../support/clock.ts'
import { Listening } from '../support/listening.ts'

const MIB = 1_048_576

/** A client that takes a chunk only on a call. */
class SlowSink implements Sink {
  readonly isSharing: boolean
  readonly chunks: Uint8Array[] = []
  isCut = false
  readonly pull: () => void

  constructor(pod: Listening, streams: readonly string[], isSharing: boolean, id?: string) {
    this.isSharing = isSharing
    const connection = prepareConnection(pod.incarnation, streams, { lastEventId: id }).connect(this)
    pod.incarnation.hub.add(connection)
    this.pull = () => pod.incarnation.hub.pull(connection)
    this.pull()
    // The client takes the preamble.
    this.pull()
  }

  write(chunk: Uint8Array): boolean {
    this.chunks.push(chunk)
    return false
  }

  close(): void {}

  abort(): void {
    this.isCut = true
  }

  get bytes(): number {
    return this.chunks.slice(1).reduce((sum, { byteLength }) => sum + byteLength, 0)
  }
}

const many = <T>(count: number, make: (i: number) => T) => Array.from({ length: count }, (_, i) => make(i))

describe('the output buffers', () => {
  it.each([
    ['are shared', true, 3 * MIB],
    ['are copied for each socket', false, 3 * MIB],
  ])('stay within maxOutputBufferBytes where chunks %s', async (_, isSharing, maxOutputBufferBytes) => {
    const pod = new Listening({ maxOutputBufferBytes, maxMessageBytes: MIB })
    const clients = many(60, (i) => new SlowSink(pod, ['hot', `u${i}`], isSharing))
    await settle()
    for (let i = 0; i < 60; i += 1) pod.send(`u${i}`, 'x')
    for (let i = 0; i < 8; i += 1) pod.send('hot', 'x'.repeat(100_000))
    await pod.clock.advance(0)
    expect(pod.incarnation.hub.outputs.bytes).toBeLessThanOrEqual(maxOutputBufferBytes)
    const cut = clients.filter(({ isCut }) => isCut)
    const held = clients.filter(({ isCut }) => !isCut).reduce((sum, { bytes }) => sum + bytes, 0)
    expect(held).toBeLessThanOrEqual(maxOutputBufferBytes)
    expect(cut.length).toBeGreaterThan(0)
    expect(cut.length).toBeLessThan(60)
    expect(pod.reports.rejected).toMatchObject({ 'output-buffers-full': cut.length })
    for (const client of clients) client.pull()
    await pod.clock.advance(0)
    expect(pod.errors).toEqual([])
  })

  it('count shared bytes once, and abort no connection for them', async () => {
    const pod = new Listening({ maxOutputBufferBytes: 2 * MIB })
    const clients = many(500, (i) => new SlowSink(pod, ['hot', `u${i}`], true))
    await settle()
    for (let i = 0; i < 8; i += 1) pod.send('hot', 'x'.repeat(50_000))
    await pod.clock.advance(0)
    expect(new Set(clients.map(({ chunks }) => chunks[1])).size).toBe(1)
    expect(pod.incarnation.hub.outputs.bytes).toBe(clients[0]?.bytes)
    expect(clients.filter(({ isCut }) => isCut)).toEqual([])
    for (const client of clients) client.pull()
    expect(pod.incarnation.hub.outputs.bytes).toBe(0)
  })

  it('are freed by aborting the heaviest connection first', async () => {
    const pod = new Listening({ maxOutputBufferBytes: MIB, maxMessageBytes: MIB })
    const [light, heavy] = [new SlowSink(pod, ['a'], false), new SlowSink(pod, ['b'], false)]
    await settle()
    pod.send('a', 'x'.repeat(10_000))
    pod.send('b', 'x'.repeat(MIB))
    await pod.clock.advance(0)
    expect([light.isCut, heavy.isCut]).toEqual([false, true])
    expect(pod.incarnation.hub.outputs.bytes).toBe(light.bytes)
  })

  it('release a connection’s bytes at every kind of end', async () => {
    const pod = new Listening()
    const clients = many(4, () => pod.open(['a']))
    for (const client of clients) await client.read()
    pod.send('a', 'x'.repeat(10_000))
    await settle()
    await clients[0]?.cancel()
    pod.incarnation.hub.close()
    expect(pod.incarnation.hub.outputs.bytes).toBe(0)
    await clients[1]?.cancel()
    expect(pod.incarnation.hub.outputs.bytes).toBe(0)
  })
})

it('a client that takes no chunk is aborted within a heartbeat after slowClientTimeoutMs', async () => {
  const pod = new Listening({ heartbeatMs: 1_000, slowClientTimeoutMs: 3_000 })
  const [stalled, reads] = [new SlowSink(pod, ['a'], false), new SlowSink(pod, ['a'], false)]
  await settle()
  pod.send('a', 'x')
  await pod.clock.advance(0)
  reads.pull()
  await pod.clock.advance(3_000)
  expect(stalled.isCut).toBe(false)
  await pod.clock.advance(1_000)
  expect([stalled.isCut, reads.isCut]).toEqual([true, false])
  expect(pod.reports.rejected).toMatchObject({ 'slow-client': 1 })
})

describe('1,000 clients with 31 streams of their own and a shared one', () => {
  it('share the chunks of the stream that all of them have', async () => {
    const pod = new Listening()
    const own = (i: number) => many(31, (k) => `u${i}-${k}`)
    const clients = many(1_000, (i) => new SlowSink(pod, [...own(i), 'hot'], true))
    await settle()
    for (let i = 0; i < 100; i += 1) pod.send('hot', `${i}`)
    await pod.clock.advance(0)
    expect(new Set(clients.map(({ chunks }) => chunks[1])).size).toBe(1)
  })

  it('take a bounded part of the work in each turn of the event loop', async () => {
    const pod = new Listening()
    const own = (i: number) => many(31, (k) => `u${i}-${k}`)
    let perTurn = 0
    let most = 0
    for (let i = 0; i < 1_000; i += 1)
      pod.join([...own(i), 'hot'], (chunk, connection) => {
        perTurn += chunk.byteLength
        queueMicrotask(() => pod.incarnation.hub.pull(connection))
      })
    await settle()
    // Each client gets an event of its own, so that no two have the same chunk.
    for (let i = 0; i < 1_000; i += 1) pod.send(`u${i}-7`, 'x')
    for (let i = 0; i < 7_000; i += 1) pod.send('hot', 'x')
    const watch = () => {
      most = Math.max(most, perTurn)
      perTurn = 0
      if (pod.clock.timers > 1) pod.clock.after(0, watch)
    }
    perTurn = 0
    pod.clock.after(0, watch)
    await pod.clock.advance(0)
    expect(most).toBeGreaterThan(100_000)
    // Two chunks of one MiB; one of them exceeds the part of a turn already.
    expect(most).toBeLessThan(2.5 * MIB)
  })
})
