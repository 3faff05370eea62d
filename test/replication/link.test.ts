import { describe, expect, it } from 'vitest'
import { type PeerFinder, StaticPeerFinder } from '../../src/index.ts'
import { ChangingPeerFinder } from '../support/changing-finder.ts'
import { settle } from '../support/clock.ts'
import { Among, type Behaviour, FakePeer } from '../support/fake-peer.ts'
import { hung, outcome, refused } from '../support/fleet.ts'

const PEER = '10.0.0.1'
const OTHER = '10.0.0.2'
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`)
const deliver = async () => new Response()

/** Lets `peer` respond when the returned function is called. */
function held(peer: FakePeer, behave: Behaviour = peer.honest): () => void {
  const releases: (() => void)[] = []
  peer.behave = async (request, signal) => {
    await new Promise<void>((resolve) => releases.push(resolve))
    return behave(request, signal)
  }
  return () => {
    for (const release of releases.splice(0)) release()
  }
}

describe('a link', () => {
  it('begins with a handshake without events, and then sends events as they come', async () => {
    const peer = new FakePeer('peer1')
    const pod = await new Among({ [PEER]: peer }).start()
    expect(peer.batches).toEqual(peer.batches.map(() => []))
    expect(pod.status(PEER)).toEqual({
      peer: `${PEER}:7000`,
      state: 'connected',
      exchange: false,
      epoch: 'peer1',
      lag: 0,
      lagMs: 0,
      failures: 0,
      lastError: undefined,
    })
    const receipt = await pod.send('a', 'x')
    expect(peer.batches.at(-1)).toEqual(['x'])
    expect(receipt).toMatchObject({
      tookMs: 0,
      duplicate: false,
      connections: 0,
      peers: [{ peer: `${PEER}:7000`, status: 'delivered' }],
    })
  })

  it('posts JSON and follows no redirect', async () => {
    const peer = new FakePeer('peer1')
    await new Among({ [PEER]: peer }).start()
    for (const { init, path } of peer.requests) {
      expect(init).toMatchObject({ method: 'POST', redirect: 'manual' })
      expect(new Headers(init.headers).get('content-type')).toBe('application/json')
      expect(path).toBe('/api/json/v2/append')
    }
  })

  it('has one request in flight, and sends the events of that time together', async () => {
    const peer = new FakePeer('peer1')
    const pod = await new Among({ [PEER]: peer }).start()
    const release = held(peer)
    const sending = numbers(1, 100).map((n) => pod.sser.send('a', n))
    await settle()
    for (const n of numbers(101, 150)) sending.push(pod.sser.send('a', n))
    await settle()
    expect(peer.batches.slice(-1)).toEqual([numbers(1, 100)])
    release()
    await settle()
    expect(peer.batches.slice(-1)).toEqual([numbers(101, 150)])
    expect(pod.status(PEER)?.lag).toBe(50)
    release()
    for (const { peers } of await Promise.all(sending)) expect(peers[0]?.status).toBe('delivered')
    expect(peer.mostInFlight).toBe(1)
    expect(pod.status(PEER)?.lag).toBe(0)
  })

  it('sends a backlog in requests of about 1 MiB', async () => {
    const peer = new FakePeer('peer1')
    const pod = await new Among(
      { [PEER]: peer },
      { logMaxBytes: 64_000_000, maxMessageBytes: 60_000 },
    ).start()
    const before = peer.requests.length
    const sending = numbers(1, 100).map((n) => pod.sser.send('a', n.padEnd(60_000, 'x')))
    await Promise.all(sending)
    const sizes = peer.requests.slice(before).map(({ body }) => body.length)
    expect(sizes.length).toBeGreaterThanOrEqual(6)
    expect(Math.max(...sizes)).toBeLessThan(1_300_000)
    expect(peer.batches.flat().map((msg) => Number.parseInt(msg, 10))).toEqual(numbers(1, 100).map(Number))
  })

  it('never reports delivered for an event that the log evicted before the peer got it', async () => {
    const peer = new FakePeer('peer1')
    const pod = await new Among({ [PEER]: peer }, { logMaxBytes: 20_000 }).start()
    const release = held(peer)
    const sending = numbers(1, 60).map((n) => pod.sser.send('a', n.padEnd(1_000, 'x')))
    await settle()
    for (const n of numbers(61, 100)) sending.push(pod.sser.send('a', n.padEnd(1_000, 'x')))
    await settle()
    peer.behave = peer.honest
    release()
    const receipts = await Promise.all(sending)
    const taken = new Set(peer.batches.flat().map((msg) => Number.parseInt(msg, 10)))
    expect(taken.size).toBeGreaterThan(5)
    expect(taken.size).toBeLessThan(40)
    receipts.forEach(({ peers }, i) => {
      if (taken.has(i + 1)) expect(peers[0]).toEqual({ peer: `${PEER}:7000`, status: 'delivered' })
      else expect(peers[0], String(i)).toMatchObject({ status: 'failed', reason: 'the log evicted it' })
    })
    expect(pod.status(PEER)).toMatchObject({ state: 'connected', lag: 0 })
  })

  it('sends an event again that the log has evicted together with its idempotency key', async () => {
    const peer = new FakePeer('peer1')
    const pod = await new Among({ [PEER]: peer }, { logMaxBytes: 40_000 }).start()
    peer.behave = (_, signal) => refused(deliver, signal)
    await pod.send('a', 'kept until there is no room', { idempotencyKey: 'k' })
    for (const n of numbers(1, 80)) await pod.send('a', n.padEnd(1_000, 'x'))
    peer.behave = peer.honest
    await pod.clock.until('the link is up again', () => pod.status(PEER)?.lag === 0)
    const again = await pod.send('a', 'kept until there is no room', { idempotencyKey: 'k' })
    expect(again).toMatchObject({ duplicate: false, peers: [{ status: 'delivered' }] })
    expect(await pod.send('a', 'kept until there is no room', { idempotencyKey: 'k' })).toMatchObject({
      id: again.id,
      duplicate: true,
      peers: [{ status: 'delivered' }],
    })
  })

  it('reports delivered for a retried send once the peer has responded, and not before', async () => {
    const peer = new FakePeer('peer1')
    const finder = new ChangingPeerFinder([])
    const pod = await new Among({ [PEER]: peer }, { peerFinder: finder }).start()
    await pod.send('a', 'x', { idempotencyKey: 'k' })
    const release = held(peer)
    finder.set([{ address: PEER }])
    await settle()
    const again = pod.sser.send('a', 'x', { idempotencyKey: 'k' })
    await settle()
    release()
    await settle()
    release()
    await settle()
    expect(await again).toMatchObject({ duplicate: true, peers: [{ status: 'delivered' }] })
    expect(peer.batches.flat()).toEqual(['x'])
  })

  it('lets a hung peer cost send() one ackTimeoutMs, and no further one until it responds', async () => {
    const [peer, other] = [new FakePeer('peer1'), new FakePeer('peer2')]
    const pod = await new Among({ [PEER]: peer, [OTHER]: other }).start()
    const release = held(peer)
    const pending = { peer: `${PEER}:7000`, status: 'pending', reason: 'no answer within 1000 ms' }
    const delivered = { peer: `${OTHER}:7000`, status: 'delivered' }
    expect(await pod.send('a', '1')).toMatchObject({ tookMs: 1_000, peers: [pending, delivered] })
    for (const msg of ['2', '3', '4'])
      expect(await pod.send('a', msg)).toMatchObject({ tookMs: 0, peers: [pending, delivered] })
    peer.behave = peer.honest
    release()
    await pod.clock.until('the peer has all', () => pod.status(PEER)?.lag === 0)
    expect(peer.batches.slice(-2)).toEqual([['1'], ['2', '3', '4']])
    expect(await pod.send('a', '5')).toMatchObject({ tookMs: 0, peers: [{ status: 'delivered' }, delivered] })
  })

  it('settles every wait for a hung peer with the first timeout', async () => {
    const peer = new FakePeer('peer1')
    const pod = await new Among({ [PEER]: peer }).start()
    peer.behave = (_, signal) => hung(deliver, signal)
    const first = pod.sser.send('a', '1')
    await pod.clock.advance(900)
    expect(await pod.send('a', '2')).toMatchObject({ tookMs: 100, peers: [{ status: 'pending' }] })
    expect((await first).peers).toMatchObject([{ status: 'pending' }])
    await pod.clock.until('the request fails', () => pod.status(PEER)?.state === 'failing')
    expect(await pod.send('a', '3')).toMatchObject({ tookMs: 0, peers: [{ status: 'pending' }] })
  })

  it('sends events again when a response was lost, and the peer skips them', async () => {
    const peer = new FakePeer('peer1')
    const pod = await new Among({ [PEER]: peer }).start()
    peer.behave = async (request, signal) => {
      await peer.honest(request, signal)
      return refused(deliver, signal)
    }
    expect((await pod.send('a', 'x')).peers[0]?.status).toBe('failed')
    peer.behave = peer.honest
    await pod.clock.until('the link is up again', () => pod.status(PEER)?.lag === 0)
    expect(peer.batches.slice(-2)).toEqual([['x'], ['x']])
  })

  it('finds out that it leads to its own Pod, and sends no further requests', async () => {
    const peer = new FakePeer('peer1')
    const pod = new Among({ [PEER]: peer })
    peer.behave = ({ body, init, path }) =>
      pod.sser.internalRoutes.fetch(
        new Request(`http://${PEER}${path}`, { ...init, body, signal: null } as RequestInit),
      )
    await pod.start()
    expect(pod.status(PEER)).toMatchObject({ state: 'self', lag: 0 })
    const before = peer.requests.length
    expect((await pod.send('a', 'x')).peers).toEqual([])
    await pod.clock.advance(60_000)
    expect(peer.requests.length).toBe(before)
    expect(pod.errors).toEqual([])
  })

  it('leaves its own Pod out of a receipt that waited for this discovery', async () => {
    const peer = new FakePeer('peer1')
    const peerFinder = new ChangingPeerFinder([])
    const pod = new Among({ [PEER]: peer }, { peerFinder })
    peer.behave = ({ body, init, path }) =>
      pod.sser.internalRoutes.fetch(
        new Request(`http://${PEER}${path}`, { ...init, body, signal: null } as RequestInit),
      )
    await pod.start()
    const release = held(peer, peer.behave)
    peerFinder.set([{ address: PEER }])
    await settle()
    const sending = pod.sser.send('a', 'x')
    await settle()
    release()
    expect((await sending).peers).toEqual([])
  })

  it('ends when its peer leaves the list, and a new link begins for a new peer', async () => {
    const [peer, other] = [new FakePeer('peer1'), new FakePeer('peer2')]
    const peerFinder = new ChangingPeerFinder([{ address: PEER }])
    const pod = await new Among({ [PEER]: peer, [OTHER]: other }, { peerFinder }).start()
    peer.behave = (_, signal) => hung(deliver, signal)
    const sending = pod.sser.send('a', 'x')
    await settle()
    peerFinder.set([{ address: OTHER }])
    await settle()
    expect((await sending).peers).toEqual([
      { peer: `${PEER}:7000`, status: 'failed', reason: 'no longer a peer' },
    ])
    expect(peer.inFlight).toBe(0)
    expect(pod.sser.peers.map(({ peer: host, state }) => [host, state])).toEqual([
      [`${OTHER}:7000`, 'connected'],
    ])
    // A new peer gets every event in the log.
    expect(other.batches.flat()).toEqual(['x'])
    const before = peer.requests.length
    await pod.clock.advance(30_000)
    expect(peer.requests.length).toBe(before)
  })

  it('stays when the finder fails, which is reported once', async () => {
    const peer = new FakePeer('peer1')
    const changes = { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error('it broke')) }) }
    const peerFinder = { start: async () => ({ peers: [{ address: PEER }], changes }) }
    const pod = await new Among({ [PEER]: peer }, { peerFinder }).start()
    expect(pod.errors).toMatchObject([{ stage: 'peer-finder', error: { message: 'it broke' } }])
    expect(pod.sser.peers).toHaveLength(1)
    expect((await pod.send('a', 'x')).peers[0]?.status).toBe('delivered')
  })

  it('reports the errors of its finder', async () => {
    const peerFinder: PeerFinder = {
      start: async ({ onError }) => {
        onError?.(new Error('no answer so far'))
        return new StaticPeerFinder([PEER]).start({ signal: new AbortController().signal })
      },
    }
    const pod = await new Among({ [PEER]: new FakePeer('peer1') }, { peerFinder }).start()
    expect(pod.errors).toMatchObject([{ stage: 'peer-finder', error: { message: 'no answer so far' } }])
  })

  it('ends when its Pod stops, and holds no timer', async () => {
    const peer = new FakePeer('peer1')
    const pod = await new Among({ [PEER]: peer }, { flushTimeoutMs: 300, ackTimeoutMs: 5_000 }).start()
    peer.behave = (_, signal) => hung(deliver, signal)
    const sending = pod.sser.send('a', 'x')
    await settle()
    const stopping = outcome(pod.sser.stop())
    await pod.clock.advance(400)
    await stopping
    expect((await sending).peers).toEqual([
      { peer: `${PEER}:7000`, status: 'failed', reason: 'this Pod was stopped' },
    ])
    expect(peer.inFlight).toBe(0)
    expect(pod.clock.timers).toBe(0)
    expect(pod.sser.peers).toEqual([])
  })
})
