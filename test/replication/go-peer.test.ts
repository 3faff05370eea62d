import { describe, expect, it } from 'vitest'
import type { Receipt } from '../../src/index.ts'
import type { SserOptions } from '../../src/options.ts'
import { ChangingPeerFinder } from '../support/changing-finder.ts'
import { Among, type Behaviour, FakePeer } from '../support/fake-peer.ts'
import { refused } from '../support/fleet.ts'

const GO = '10.0.0.9'
const V2 = '/api/json/v2/append'

/** Responds as a Go Pod: 404 to an unknown path, 200 without a body to a known one. */
const goPod: Behaviour = ({ path }) =>
  path === V2
    ? new Response('404 page not found\n', { status: 404 })
    : new Response(null, { headers: { 'content-length': '0' } })

async function amongGo(behave: Behaviour = goPod, settings: SserOptions = {}) {
  const peer = new FakePeer('later', behave)
  const pod = await new Among({ [GO]: peer }, settings).start()
  const probes = () => peer.requests.filter(({ path }) => path === V2)
  return { peer, pod, probes }
}

describe('a Go Pod', () => {
  it('gets each event in a request of its own, in order, in the format of Go', async () => {
    const { peer, pod } = await amongGo()
    expect(pod.status(GO)).toMatchObject({ state: 'v1', epoch: undefined, lag: 0 })
    const receipts = await Promise.all(['1', '2', '3'].map((msg) => pod.sser.send('foo', msg)))
    expect(peer.v1Bodies).toEqual(['1', '2', '3'].map((msg) => `{"stream":"foo","msg":"${msg}"}`))
    for (const { peers } of receipts) expect(peers).toEqual([{ peer: `${GO}:7000`, status: 'delivered' }])
    expect(peer.mostInFlight).toBe(1)
    expect(pod.status(GO)?.lag).toBe(0)
  })

  it('gets neither event types nor idempotency keys nor no-op entries', async () => {
    const { peer, pod } = await amongGo()
    await pod.send('foo', 'x', { event: 'order', idempotencyKey: 'k' })
    await pod.clock.advance(30_000)
    expect(peer.v1Bodies).toEqual(['{"stream":"foo","msg":"x"}'])
  })

  it('gets U+FFFD for a lone surrogate, as every client does', async () => {
    const { peer, pod } = await amongGo()
    await pod.send('foo', 'a\ud800b')
    expect(peer.v1Bodies).toEqual(['{"stream":"foo","msg":"a\ufffdb"}'])
  })

  it('gets the events that were sent while it was unavailable, once', async () => {
    const peer = new FakePeer('later', (_, signal) => refused(async () => new Response(), signal))
    const pod = await new Among({ [GO]: peer }).start()
    expect((await pod.send('foo', 'early')).peers[0]?.status).toBe('failed')
    peer.behave = goPod
    await pod.clock.until('the Go Pod is met', () => pod.status(GO)?.lag === 0)
    await pod.send('foo', 'late')
    expect(peer.v1Bodies.map((body) => JSON.parse(body).msg)).toEqual(['early', 'late'])
  })

  it.each<[string, Behaviour]>([
    ['resets', (_, signal) => refused(async () => new Response(), signal)],
    ['answers 500', () => new Response('oops', { status: 500 })],
    ['answers 400', () => new Response('invalid JSON\n', { status: 400 })],
  ])('gets an event at most once when it %s in between', async (_, fault) => {
    const { peer, pod, probes } = await amongGo()
    await pod.send('foo', '1')
    peer.behave = (request, signal) => (request.path === V2 ? goPod(request, signal) : fault(request, signal))
    const receipt = await pod.send('foo', '2')
    expect(receipt.peers[0]).toMatchObject({ status: 'failed' })
    peer.behave = goPod
    const probed = probes().length
    await pod.clock.until('the Go Pod is asked again', () => pod.status(GO)?.state === 'v1')
    expect(probes().length).toBeGreaterThan(probed)
    await pod.send('foo', '3')
    expect(peer.v1Bodies.map((body) => JSON.parse(body).msg)).toEqual(['1', '2', '3'])
  })

  it('gets a v2 request once a minute, in case it knows v2 by then', async () => {
    const { pod, probes } = await amongGo()
    const before = probes().length
    const from = pod.clock.now()
    await pod.clock.advance(300_000)
    const asked = probes().slice(before)
    expect(asked.length).toBeGreaterThanOrEqual(4)
    expect(asked.length).toBeLessThanOrEqual(5)
    expect((asked[0]?.at ?? 0) - from).toBeGreaterThanOrEqual(60_000 - 1)
    expect((asked[0]?.at ?? 0) - from).toBeLessThanOrEqual(66_000)
  })

  it('becomes a v2 peer once it responds to v2', async () => {
    const { peer, pod } = await amongGo()
    await pod.send('foo', 'x')
    peer.behave = peer.honest
    await pod.clock.advance(66_000)
    expect(pod.status(GO)).toMatchObject({ state: 'connected', epoch: 'later' })
    await pod.send('foo', 'y')
    expect(peer.v1Bodies).toHaveLength(1)
    expect(peer.batches.at(-1)).toEqual(['y'])
  })

  it.each([
    ['too many', { logMaxBytes: 4_096 }, 0],
    ['too old', { logMaxAgeMs: 1_000 }, 100],
  ])('is failed for an event that the log evicted before it was posted: %s', async (_, settings, everyMs) => {
    const { peer, pod } = await amongGo(goPod, { ackTimeoutMs: 60_000, ...settings })
    let release = () => {}
    peer.behave = async (request, signal) => {
      if (peer.v1Bodies.length === 1) await new Promise<void>((resolve) => (release = resolve))
      return goPod(request, signal)
    }
    const sending: Promise<Receipt>[] = []
    for (let i = 0; i < 40; i += 1) {
      sending.push(pod.sser.send('foo', `${i} `.padEnd(300, 'x')))
      await pod.clock.advance(everyMs)
    }
    release()
    let receipts: Receipt[] = []
    Promise.all(sending).then((all) => (receipts = all))
    await pod.clock.until('all receipts', () => receipts.length > 0)
    const posted = new Set(peer.v1Bodies.map((body) => Number.parseInt(JSON.parse(body).msg, 10)))
    expect(posted).toContain(39)
    expect(posted.size).toBeLessThan(20)
    receipts.forEach(({ peers }, i) => {
      if (posted.has(i)) expect(peers[0], `${i}`).toEqual({ peer: `${GO}:7000`, status: 'delivered' })
      else expect(peers[0], `${i}`).toMatchObject({ status: 'failed', reason: 'the log evicted it' })
    })
    expect(pod.status(GO)).toMatchObject({ state: 'v1', lag: 0 })
  })

  it('is delivered for a retried send only if it took the event', async () => {
    const { peer, pod } = await amongGo()
    await pod.send('foo', 'taken', { idempotencyKey: 'k1' })
    peer.behave = (request, signal) =>
      request.path === V2 ? goPod(request, signal) : new Response('oops', { status: 500 })
    await pod.send('foo', 'not taken', { idempotencyKey: 'k2' })
    peer.behave = goPod
    await pod.clock.until('the Go Pod is asked again', () => pod.status(GO)?.state === 'v1')
    const again = Promise.all([
      pod.sser.send('foo', 'taken', { idempotencyKey: 'k1' }),
      pod.sser.send('foo', 'not taken', { idempotencyKey: 'k2' }),
      pod.sser.send('foo', 'something else'),
    ])
    const [taken, notTaken] = await again
    expect(taken).toMatchObject({ duplicate: true, peers: [{ status: 'delivered' }] })
    expect(notTaken).toMatchObject({ duplicate: true, peers: [{ status: 'failed' }] })
    expect(peer.v1Bodies.map((body) => JSON.parse(body).msg)).toEqual([
      'taken',
      'not taken',
      'something else',
    ])
    // A successor with v2 gets every event in the log.
    peer.behave = peer.honest
    await pod.clock.advance(66_000)
    expect((await pod.send('foo', 'not taken', { idempotencyKey: 'k2' })).peers[0]?.status).toBe('delivered')
  })

  it('is sent an event again that the log has evicted together with its idempotency key', async () => {
    const { peer, pod } = await amongGo(goPod, { ackTimeoutMs: 60_000, logMaxBytes: 10_000 })
    let release = () => {}
    peer.behave = async (request, signal) => {
      if (peer.v1Bodies.length === 1) await new Promise<void>((resolve) => (release = resolve))
      return goPod(request, signal)
    }
    const send = (key: string) => pod.sser.send('foo', key.padEnd(300, 'x'), { idempotencyKey: key })
    const held = send('held')
    await pod.clock.advance(0)
    const sending = [held, ...['lost', ...Array.from({ length: 20 }, (_, i) => `${i}`)].map(send)]
    await pod.clock.advance(0)
    release()
    await pod.clock.advance(0)
    const receipts = await Promise.all(sending)
    expect(receipts[1]?.peers).toMatchObject([{ status: 'failed', reason: 'the log evicted it' }])
    expect(await send('lost')).toMatchObject({ duplicate: false, peers: [{ status: 'delivered' }] })
    expect(await send('19')).toMatchObject({ duplicate: true, peers: [{ status: 'delivered' }] })
  })

  it('is failed for a retried send of an event from before it came', async () => {
    const peer = new FakePeer('later', goPod)
    const finder = new ChangingPeerFinder([])
    const pod = await new Among({ [GO]: peer }, { peerFinder: finder }).start()
    await pod.send('foo', 'early', { idempotencyKey: 'k' })
    finder.set([{ address: GO }])
    await pod.clock.until('the Go Pod is met', () => pod.status(GO)?.state === 'v1')
    expect(await pod.send('foo', 'early', { idempotencyKey: 'k' })).toMatchObject({
      duplicate: true,
      peers: [{ status: 'failed' }],
    })
    expect(peer.v1Bodies).toEqual([])
  })

  it('gets the events from then on when it replaces a newer Pod, as in a rollback', async () => {
    const peer = new FakePeer('newer')
    const pod = await new Among({ [GO]: peer }).start()
    await pod.send('foo', '1')
    peer.behave = goPod
    const receipt = await pod.send('foo', '2')
    expect(receipt.peers[0]?.status).toBe('delivered')
    expect(pod.status(GO)?.state).toBe('v1')
    expect(peer.v1Bodies.map((body) => JSON.parse(body).msg)).toEqual(['2'])
  })
})
