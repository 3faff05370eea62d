import { describe, expect, it } from 'vitest'
import { Among, type Behaviour, EndlessBody, FakePeer } from '../support/fake-peer.ts'
import { hung, refused } from '../support/fleet.ts'

const GOOD = '10.0.0.1'
const BAD = '10.0.0.2'

interface Fault {
  name: string
  /** The error in the status of the link. */
  reason: string
  make(bodies: EndlessBody[], pod: Among): Behaviour
}

const deliver = async () => new Response()
const text = (body: string, init?: ResponseInit) => () => new Response(body, init)

const FAULTS: readonly Fault[] = [
  {
    name: 'hangs',
    reason: 'no answer within 5000 ms',
    make: () => (_, signal) => hung(deliver, signal),
  },
  {
    name: 'refuses or resets the connection',
    reason: 'fetch failed: connect ECONNREFUSED',
    make: () => (_, signal) => refused(deliver, signal),
  },
  { name: 'answers 500', reason: 'answered 500', make: () => text('oops', { status: 500 }) },
  {
    name: 'redirects',
    reason: 'answered 307',
    make: () => text('', { status: 307, headers: { location: 'http://elsewhere/' } }),
  },
  {
    name: 'answers byte by byte, without an end',
    reason: 'no answer within 5000 ms',
    make: (bodies, { clock }) =>
      endless(bodies, { clock, everyMs: 100, chunk: new TextEncoder().encode(' ') }),
  },
  {
    name: 'answers 500 with a body that does not end',
    reason: 'answered 500',
    make: (bodies, { clock }) => {
      const body = endless(bodies, { clock, everyMs: 100, chunk: new Uint8Array(100) })
      return async (request, signal) => new Response((await body(request, signal)).body, { status: 500 })
    },
  },
  {
    name: 'answers too much',
    reason: 'A body has at most 8388608 bytes',
    make: (bodies, { clock }) => endless(bodies, { clock, everyMs: 0, chunk: new Uint8Array(1_048_576) }),
  },
  {
    name: 'announces too much',
    reason: 'A body has at most 8388608 bytes',
    make: () => text('x', { headers: { 'content-length': '9000000' } }),
  },
  { name: 'answers with a web page', reason: 'The body is not JSON', make: () => text('<!doctype html>') },
  { name: 'answers with nothing', reason: 'The body is not JSON', make: () => text('') },
  {
    name: 'answers in a version of its own',
    reason: 'Invalid append at v',
    make: () => text('{"v":3,"epoch":"peer2","position":{},"runs":[]}'),
  },
]

function endless(
  bodies: EndlessBody[],
  options: ConstructorParameters<typeof EndlessBody>[1],
): (request: unknown, signal: AbortSignal) => Response | Promise<Response> {
  return (_, signal) => {
    const body = new EndlessBody(signal, options)
    bodies.push(body)
    return new Response(body.stream)
  }
}

describe.each(FAULTS)('a peer that $name', ({ reason, make }) => {
  async function setUp() {
    const peers = { [GOOD]: new FakePeer('peer1'), [BAD]: new FakePeer('peer2') }
    const pod = await new Among(peers).start()
    const bodies: EndlessBody[] = []
    const bad = peers[BAD] as FakePeer
    bad.behave = make(bodies, pod)
    return { pod, bad, good: peers[GOOD] as FakePeer, bodies }
  }

  it('delays send() by ackTimeoutMs at most, and delays no other peer', async () => {
    const { pod, good } = await setUp()
    const from = pod.clock.now()
    const receipt = await pod.send('a', 'x')
    expect(receipt.tookMs).toBeLessThanOrEqual(1_000)
    expect(receipt.peers).toEqual([
      { peer: `${GOOD}:7000`, status: 'delivered' },
      { peer: `${BAD}:7000`, status: expect.stringMatching('pending|failed'), reason: expect.any(String) },
    ])
    const took = good.requests.findLast(({ body }) => body.includes('"x"'))
    expect(took?.at).toBe(from)
  })

  it('is failing, with the reason, and receipts say so at once from then on', async () => {
    const { pod } = await setUp()
    await pod.send('a', 'x')
    await pod.clock.until('the link fails', () => pod.status(BAD)?.state === 'failing')
    expect(pod.status(BAD)).toMatchObject({ lastError: expect.stringContaining(reason), failures: 1, lag: 1 })
    expect(pod.errors[0]).toMatchObject({ stage: 'append', peer: `${BAD}:7000` })
    const next = await pod.send('a', 'y')
    expect(next.tookMs).toBe(0)
    // It may still respond where it did not in time.
    const status = reason.startsWith('no answer') ? 'pending' : 'failed'
    expect(next.peers[1]).toEqual({
      peer: `${BAD}:7000`,
      status,
      reason: expect.stringContaining(reason),
    })
  })

  it('gets ever fewer requests, one at a time, and all events once it recovers', async () => {
    const { pod, bad, bodies } = await setUp()
    const [before, from] = [bad.requests.length, pod.clock.now()]
    for (let i = 0; i < 60; i += 1) {
      await pod.send('a', `${i}`)
      await pod.clock.advance(Math.max(0, from + (i + 1) * 1_000 - pod.clock.now()))
    }
    const asked = bad.requests.length - before
    expect(asked).toBeGreaterThan(5)
    expect(asked).toBeLessThan(30)
    expect(bad.mostInFlight).toBe(1)
    // Every response was read to its end or cancelled, except that of the request in flight.
    expect(bodies.filter(({ cancelled }) => !cancelled).length).toBeLessThanOrEqual(1)
    bad.behave = bad.honest
    await pod.clock.until('the link is up again', () => pod.status(BAD)?.lag === 0, 15_000)
    expect(pod.status(BAD)).toMatchObject({ state: 'connected', failures: 0 })
    expect(bad.batches.at(-1)?.at(-1)).toBe('59')
    expect(await pod.send('a', 'z')).toMatchObject({ tookMs: 0, peers: [{}, { status: 'delivered' }] })
  })

  it('does not keep a Pod from starting, nor from stopping where other peers are available', async () => {
    const peers = { [GOOD]: new FakePeer('peer1'), [BAD]: new FakePeer('peer2') }
    const pod = new Among(peers)
    ;(peers[BAD] as FakePeer).behave = make([], pod)
    const from = pod.clock.now()
    await pod.start()
    expect(pod.clock.now() - from).toBeLessThanOrEqual(5_000)
    expect(pod.sser.isReady).toBe(true)
    expect((await pod.send('a', 'x')).peers[0]).toMatchObject({ status: 'delivered' })
    const stopped = pod.sser.stop()
    await pod.clock.advance(100)
    await stopped
    expect(pod.clock.timers).toBeLessThanOrEqual(1)
  })
})

describe('an unavailable peer', () => {
  it('gets a request after a random backoff that doubles from 0.2 s to 5 s', async () => {
    const peer = new FakePeer('peer1')
    const pod = await new Among({ [BAD]: peer }).start()
    peer.behave = (_, signal) => refused(deliver, signal)
    await pod.send('a', 'x')
    await pod.clock.advance(60_000)
    const times = peer.requests.slice(peer.requests.findIndex(({ body }) => body.includes('"x"')))
    const pauses = times.slice(1).map(({ at }, i) => at - (times[i]?.at ?? 0))
    const ceilings = [200, 400, 800, 1_600, 3_200, ...pauses.slice(5).map(() => 5_000)]
    pauses.forEach((pause, i) => {
      expect(pause).toBeLessThanOrEqual(ceilings[i] as number)
      expect(pause).toBeGreaterThanOrEqual((ceilings[i] as number) / 2)
    })
    expect(pauses.length).toBeGreaterThan(12)
    expect(new Set(pauses.slice(5)).size).toBeGreaterThan(5)
  })

  it('is failing when it responds but applies nothing', async () => {
    const peer = new FakePeer('peer1')
    const pod = await new Among({ [BAD]: peer }).start()
    peer.behave = () => peer.answer({})
    const { peers } = await pod.send('a', 'x')
    expect(peers[0]).toMatchObject({ status: 'failed', reason: 'answers, but takes nothing' })
    await pod.clock.advance(10_000)
    expect(peer.requests.length).toBeLessThan(15)
  })
})
