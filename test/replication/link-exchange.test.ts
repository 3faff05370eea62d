import { describe, expect, it } from 'vitest'
import { PeerStatusError } from '../../src/transport/peer-transport.ts'
import { parseAppend } from '../../src/wire/append-message.ts'
import { settle } from '../support/clock.ts'
import { outcome } from '../support/fleet.ts'
import { begin, PEER } from './linked-pod.ts'

const BEAT_MS = 5_000
const REQUEST_TIMEOUT_MS = 5_000
const AGE_MS = 120_000

/** A Pod whose link has an open exchange, in which all is acknowledged. */
async function open() {
  const pod = await begin()
  pod.opener.latest.say({ v: 2, epoch: 'peer1', position: { [pod.own()]: 1 } })
  await settle()
  return pod
}

describe('a link with an exchange', () => {
  it('opens it after a request that succeeded, and sends single requests until the peer speaks', async () => {
    const { peer, opener, pod, own } = await begin()
    expect(opener.latest.messages).toEqual([
      { epoch: own(), at: 0, runLogs: true, position: new Map([[own(), 1]]) },
    ])
    void pod.sser.send('a', 'x')
    await settle()
    expect(peer.batches.at(-1)).toEqual(['x'])
    expect(pod.status(PEER)).toMatchObject({ state: 'connected', exchange: false })
    opener.latest.say({ v: 2, epoch: 'peer1', position: { [own()]: 2 } })
    void pod.sser.send('a', 'y')
    await settle()
    expect(opener.latest.batches).toEqual([['y']])
    expect(peer.batches.at(-1)).toEqual(['x'])
    expect(pod.status(PEER)).toMatchObject({ state: 'connected', exchange: true })
  })

  it('sends without waiting for acknowledgements, and settles receipts by them', async () => {
    const { opener, pod } = await open()
    const first = pod.sser.send('a', '1')
    await pod.clock.advance(1)
    const second = pod.sser.send('a', '2')
    await settle()
    expect(opener.latest.batches).toEqual([['1'], ['2']])
    expect(await outcome(first)).toBeUndefined()
    opener.latest.ack()
    for (const { peers } of await Promise.all([first, second])) expect(peers[0]?.status).toBe('delivered')
  })

  it('tells the peer that it may delay the acknowledgement of events whose receipts nothing awaits', async () => {
    const { opener, pod } = await open()
    void pod.sser.send('a', '1')
    await settle()
    void pod.sser.send('a', '2')
    void pod.sser.send('a', '3').then(() => {})
    await settle()
    const { messages } = opener.latest
    expect(messages.filter(({ runs }) => runs !== undefined).map(({ delay }) => delay)).toEqual([
      true,
      undefined,
    ])
  })

  it('asks for the acknowledgement once where something begins to await a receipt later', async () => {
    const { opener, pod } = await open()
    const receipt = pod.sser.send('a', '1')
    await settle()
    expect(opener.latest.messages.map(({ ask }) => ask)).not.toContain(true)
    const outcomes = [outcome(receipt), outcome(receipt)]
    await settle()
    expect(opener.latest.messages.filter(({ ask }) => ask)).toHaveLength(1)
    expect(await Promise.all(outcomes)).toEqual([undefined, undefined])
    opener.latest.ack()
    expect((await receipt).peers).toMatchObject([{ status: 'delivered' }])
  })

  it('sends the events of one turn in one message', async () => {
    const { opener, pod } = await open()
    for (const n of ['1', '2', '3']) void pod.sser.send('a', n)
    await settle()
    expect(opener.latest.batches).toEqual([['1', '2', '3']])
  })

  it('sends the events of the third turn in a millisecond and those after it in one message, when the millisecond is over', async () => {
    const { opener, pod } = await open()
    for (const n of ['1', '2', '3', '4']) {
      void pod.sser.send('a', n)
      await settle()
      await pod.clock.advance(0.1)
    }
    expect(opener.latest.batches).toEqual([['1'], ['2']])
    await pod.clock.advance(1)
    expect(opener.latest.batches).toEqual([['1'], ['2'], ['3', '4']])
  })

  it('sends an event at once when the ones before it are acknowledged', async () => {
    const { opener, pod } = await open()
    for (const n of ['1', '2', '3']) {
      void pod.sser.send('a', n)
      await settle()
      await pod.clock.advance(0.1)
    }
    expect(opener.latest.batches).toEqual([['1'], ['2']])
    opener.latest.ack()
    await settle()
    expect(opener.latest.batches).toEqual([['1'], ['2'], ['3']])
  })

  it('sends a backlog in pieces of some 64 KiB, at most 512 KiB ahead of acknowledgements', async () => {
    const { opener, pod } = await open()
    for (let n = 0; n < 50; n += 1) void pod.sser.send('a', `${n} ${'x'.repeat(30_000)}`)
    await settle()
    const sent = () => opener.latest.texts.slice(1).map(({ length }) => length)
    expect(Math.max(...sent())).toBeLessThan(70_000)
    const ahead = sent().reduce((sum, length) => sum + length, 0)
    expect(ahead).toBeGreaterThan(480_000)
    expect(ahead).toBeLessThan(600_000)
    opener.latest.ack()
    await settle()
    expect(sent().reduce((sum, length) => sum + length, 0)).toBeGreaterThan(960_000)
  })

  it('sends in a single request what was not acknowledged when the exchange ends', async () => {
    const { peer, opener, pod } = await open()
    const sending = [pod.sser.send('a', '1'), pod.sser.send('a', '2')]
    await settle()
    opener.latest.handler?.onClose(new Error('reset'))
    await settle()
    expect(peer.batches.at(-1)).toEqual(['1', '2'])
    for (const { peers } of await Promise.all(sending)) expect(peers[0]?.status).toBe('delivered')
    expect(pod.errors).toEqual([])
  })

  it('opens another one 200 ms after an exchange in which something was acknowledged', async () => {
    const { opener, own, peer, pod } = await open()
    void pod.sser.send('a', '1')
    await settle()
    opener.latest.ack()
    opener.latest.handler?.onClose()
    peer.behave = ({ body }) => {
      const { prev = 0, events = [] } = parseAppend(body).runs[0] ?? {}
      return peer.answer({ position: new Map([[own(), prev + events.length]]) })
    }
    await pod.send('a', '2')
    expect(opener.attempts).toBe(1)
    await pod.clock.advance(200)
    await pod.send('a', '3')
    expect(opener.attempts).toBe(2)
  })

  it('tries again after 60 s where the peer answers 404, and sends single requests until then', async () => {
    const { peer, opener, pod } = await begin((prepared) => {
      prepared.error = new PeerStatusError(404)
    })
    await pod.clock.advance(59_000)
    expect(opener.attempts).toBe(1)
    await pod.clock.advance(2 * BEAT_MS)
    expect(opener.attempts).toBe(2)
    await pod.send('a', 'x')
    expect(peer.batches.at(-1)).toEqual(['x'])
    expect(pod.errors).toEqual([])
  })

  it('goes on with single requests, without an error, where a proxy buffers the first message', async () => {
    const { peer, opener, pod } = await begin()
    for (const n of ['1', '2', '3']) {
      expect((await pod.send('a', n)).peers[0]?.status).toBe('delivered')
      expect(peer.batches.at(-1)).toEqual([n])
      await pod.clock.advance(REQUEST_TIMEOUT_MS)
    }
    expect(opener.exchanges[0]?.abortedWith).toMatchObject({ message: 'no answer within 5000 ms' })
    expect(pod.status(PEER)?.state).toBe('connected')
    expect(pod.errors).toEqual([])
  })

  it('goes on with single requests where a proxy buffers the request, and waits longer each time', async () => {
    const { opener, pod } = await begin((prepared) => {
      prepared.answers = false
    })
    await pod.clock.advance(300_000)
    expect(opener.attempts).toBeGreaterThan(4)
    expect(opener.attempts).toBeLessThan(11)
    expect(pod.errors).toEqual([])
  })

  it('fails as after a request without a response where nothing is acknowledged for 5 s', async () => {
    const { opener, pod, peer } = await open()
    void pod.sser.send('a', '1')
    await settle()
    opener.latest.ack()
    peer.behave = () => new Promise<Response>(() => {})
    void pod.sser.send('a', '2')
    await pod.clock.advance(REQUEST_TIMEOUT_MS + 2_000)
    expect(opener.latest.abortedWith).toMatchObject({ code: 'peer-failed' })
    expect(pod.status(PEER)).toMatchObject({ state: 'failing', exchange: false })
    expect((await pod.send('a', '3')).peers[0]).toMatchObject({ status: 'pending' })
  })

  it('sends its position at each beat, and aborts the exchange when the peer is silent for longer', async () => {
    const { opener, pod } = await open()
    const { latest } = opener
    for (let beats = 0; beats < 3; beats += 1) {
      await pod.clock.advance(BEAT_MS)
      latest.ack()
    }
    expect(latest.messages.filter(({ position }) => position !== undefined)).toHaveLength(4)
    await pod.clock.advance(BEAT_MS + REQUEST_TIMEOUT_MS + 2_000)
    expect(latest.abortedWith).toMatchObject({ code: 'peer-failed' })
  })

  it('aborts the exchange at a message that was on its way for more than a quarter of the age', async () => {
    const { opener, pod } = await open()
    for (let beats = 0; beats < 8; beats += 1) {
      await pod.clock.advance(BEAT_MS)
      opener.latest.ack()
    }
    expect(opener.latest.abortedWith).toBeUndefined()
    const run = { epoch: 'peer1', prev: 0, idle: 0, events: [{ seq: 1, age: 0, stream: 'a', msg: 'late' }] }
    opener.latest.say({ at: 8 * BEAT_MS - AGE_MS / 4 - 1, runs: [run] })
    expect(opener.latest.abortedWith).toMatchObject({ message: 'a message was on its way for 30001 ms' })
    expect(pod.sser.position).not.toContain('peer1')
  })

  it('fails where the peer acknowledges events and does not take them', async () => {
    const { opener, pod } = await open()
    void pod.sser.send('a', '1')
    await settle()
    opener.latest.say({ taken: 1, acks: {} })
    expect(opener.latest.abortedWith).toMatchObject({ message: 'answers, but takes nothing' })
  })
})
