import { describe, expect, it } from 'vitest'
import type { ServerSide } from '../../src/server-side.ts'
import { serverSideOf } from '../../src/sser.ts'
import { settle } from '../support/clock.ts'
import { FakeExchange } from '../support/fake-exchange.ts'
import type { Among } from '../support/fake-peer.ts'
import { begin } from './linked-pod.ts'

const BEAT_MS = 5_000

/** Opens an exchange to the Pod, as a peer would. */
function openTo(pod: Among, epoch: string): FakeExchange {
  const exchange = new FakeExchange(pod.clock)
  exchange.handler = (serverSideOf(pod.sser) as ServerSide).accept(exchange)
  exchange.say({ v: 2, epoch, position: {} })
  return exchange
}

const runOf = (epoch: string, seq: number) => ({
  epoch,
  prev: seq - 1,
  idle: 0,
  events: [{ seq, age: 0, stream: 'a', msg: `${seq}` }],
})

describe('an accepted exchange', () => {
  it('acknowledges the messages of one turn once', async () => {
    const { pod } = await begin()
    const exchange = openTo(pod, 'other')
    for (const seq of [1, 2, 3]) exchange.say({ runs: [runOf('other', seq)] })
    await settle()
    expect(exchange.messages.slice(1)).toMatchObject([{ taken: 3, acks: new Map([['other', 3]]) }])
  })

  it('acknowledges after 200 ms where the peer waits for nothing, and at once where it waits for a later message', async () => {
    const { pod } = await begin()
    const exchange = openTo(pod, 'other')
    const acks = () => exchange.messages.flatMap(({ taken = [] }) => taken)
    for (const seq of [1, 2]) {
      exchange.say({ delay: true, runs: [runOf('other', seq)] })
      await pod.clock.advance(99)
    }
    expect(acks()).toEqual([])
    await pod.clock.advance(2)
    expect(acks()).toEqual([2])
    exchange.say({ delay: true, runs: [runOf('other', 3)] })
    exchange.say({ runs: [runOf('other', 4)] })
    await settle()
    expect(acks()).toEqual([2, 4])
    exchange.say({ delay: true, runs: [runOf('other', 5)] })
    exchange.say({ ask: true })
    await settle()
    expect(acks()).toEqual([2, 4, 5])
  })

  it('acknowledges after 64 KiB in any case', async () => {
    const { pod } = await begin()
    const exchange = openTo(pod, 'other')
    const run = runOf('other', 1)
    exchange.say({ delay: true, runs: [{ ...run, events: [{ ...run.events[0], msg: 'x'.repeat(65_536) }] }] })
    await settle()
    expect(exchange.messages.at(-1)).toMatchObject({ taken: 1 })
  })

  it('carries no entries while this Pod’s own requests succeed', async () => {
    const { pod } = await begin()
    const exchange = openTo(pod, 'peer1')
    void pod.sser.send('a', 'x')
    exchange.say({ runs: [runOf('peer1', 1)] })
    await settle()
    expect(exchange.batches).toEqual([])
  })

  it('carries this Pod’s entries after the grace without success of its own requests', async () => {
    const { pod, peer } = await begin()
    peer.behave = () => new Response('', { status: 500 })
    const exchange = openTo(pod, 'peer1')
    void pod.sser.send('a', 'x')
    for (let beats = 0; beats < 4; beats += 1) {
      await pod.clock.advance(BEAT_MS)
      exchange.ack()
    }
    expect(exchange.batches).toEqual([['x']])
  })

  it('ends an earlier exchange of the same peer', async () => {
    const { pod } = await begin()
    const earlier = openTo(pod, 'other')
    const later = openTo(pod, 'other')
    expect(earlier.abortedWith).toMatchObject({ message: 'the peer has opened another exchange' })
    expect(later.abortedWith).toBeUndefined()
  })

  it('acknowledges what was applied before a Pod that stops closes it', async () => {
    const { pod } = await begin()
    const exchange = openTo(pod, 'other')
    exchange.say({ delay: true, runs: [runOf('other', 1)] })
    serverSideOf(pod.sser)?.kill()
    expect(exchange.messages.at(-1)).toMatchObject({ taken: 1, acks: new Map([['other', 1]]) })
    expect(exchange.isClosed).toBe(true)
  })

  it('ends at an invalid message, of which nothing counts', async () => {
    const { pod } = await begin()
    const exchange = openTo(pod, 'other')
    exchange.say({ runs: [runOf('other', 1), { ...runOf('third', 1), idle: -1 }] })
    expect(exchange.abortedWith).toMatchObject({ code: 'invalid-peer-message' })
    expect(pod.sser.position).not.toContain('other')
    expect(pod.errors).toMatchObject([{ stage: 'receive' }])
  })
})
