import { beforeEach, describe, expect, it } from 'vitest'
import type { Peer, SserOptions } from '../../src/index.ts'
import { ChangingPeerFinder } from '../support/changing-finder.ts'
import { Among, FakePeer } from '../support/fake-peer.ts'
import { refused } from '../support/fleet.ts'

const ADDRESS = '10.0.0.1'
const deliver = async () => new Response()

let peer: FakePeer
let finder: ChangingPeerFinder
let lines: string[]

beforeEach(() => {
  peer = new FakePeer('peer1')
  lines = []
})

function among(said: Partial<Peer> = {}, settings: Partial<SserOptions> = {}): Among {
  finder = new ChangingPeerFinder([{ address: ADDRESS, ...said }])
  const logger = { info: (line: string) => lines.push(line), warn: (line: string) => lines.push(line) }
  return new Among({ [ADDRESS]: peer }, { peerFinder: finder, logger, ...settings })
}

/** The Pod’s process has ended, or does not listen yet. */
function refuse(): void {
  peer.behave = (_, signal) => refused(deliver, signal)
}

const answer = (status: number) => () => Promise.resolve(new Response(null, { status }))
const losses = () => lines.filter((line) => /sending events failed|initial sync failed/.test(line))

describe('a Pod that is being deleted', () => {
  it('causes no error when it refuses connections, and is pending in receipts', async () => {
    const pod = await among().start()
    finder.set([{ address: ADDRESS, terminating: true }])
    await pod.clock.advance(0)
    expect((await pod.send('a', 'x')).peers).toMatchObject([{ status: 'delivered' }])
    refuse()
    const reason = 'the Pod is being deleted'
    for (let i = 0; i < 20; i += 1) {
      expect((await pod.send('a', 'x')).peers).toMatchObject([{ status: 'pending', reason }])
      await pod.clock.advance(1_000)
    }
    expect([losses(), pod.errors]).toEqual([[], []])
  })

  it('is pending for a send that waits when it leaves the list', async () => {
    const pod = await among({ terminating: true }).start()
    peer.behave = () => new Promise(() => {})
    const sending = pod.sser.send('a', 'x')
    await pod.clock.advance(0)
    finder.set([])
    await pod.clock.advance(0)
    expect((await sending).peers).toMatchObject([{ status: 'pending', reason: 'the Pod is being deleted' }])
  })

  it.each([401, 400])('causes an error when it responds with %s', async (status) => {
    const pod = await among({ terminating: true }).start()
    peer.behave = answer(status)
    await pod.send('a', 'x')
    expect(pod.errors).toHaveLength(1)
    expect(losses()).toHaveLength(1)
  })

  it('causes no error when the initial sync cannot reach it', async () => {
    refuse()
    const pod = await among({ terminating: true }).start()
    expect([losses(), pod.errors]).toEqual([[], []])
  })
})

describe('a Pod that is not ready and has never responded', () => {
  it.each([
    ['refuses connections', refuse],
    ['answers 503', () => Object.assign(peer, { behave: answer(503) })],
    ['has the address of a Pod that is still there', () => Object.assign(peer, { behave: answer(421) })],
  ])('causes no error while it %s, and is pending in receipts', async (_, begin) => {
    begin()
    const pod = await among({ ready: false }).start()
    expect((await pod.send('a', 'x')).peers).toMatchObject([
      { status: 'pending', reason: expect.stringMatching(/^the Pod is starting: /) },
    ])
    await pod.clock.advance(10_000)
    expect([losses(), pod.errors]).toEqual([[], []])
    peer.behave = peer.honest
    await pod.clock.until('it has what was sent', () => pod.status(ADDRESS)?.lag === 0)
    expect(peer.batches.flat()).toEqual(['x'])
  })

  it('gets a request as soon as it is ready, and is pending until it responds', async () => {
    refuse()
    const pod = await among({ ready: false }).start()
    await pod.clock.advance(5_000)
    const before = peer.requests.length
    finder.set([{ address: ADDRESS }])
    await pod.clock.advance(0)
    expect(peer.requests.length).toBe(before + 1)
    expect((await pod.send('a', 'x')).peers).toMatchObject([{ status: 'pending' }])
    expect([losses(), pod.errors]).toEqual([[], []])
  })

  it('causes an error after 30 seconds, and is failed from then on', async () => {
    refuse()
    const pod = await among({ ready: false }).start()
    await pod.clock.advance(36_000)
    expect(losses()).toHaveLength(1)
    expect((await pod.send('a', 'x')).peers).toMatchObject([{ status: 'failed' }])
  })

  it('causes an error at once when it rejects signatures', async () => {
    peer.behave = answer(401)
    const pod = await among({ ready: false }).start()
    expect(pod.errors.map(({ stage }) => stage)).toContain('append')
  })
})

describe('a Pod that responded before and refuses connections', () => {
  it('is reported to onError at once, and logged after 3 seconds', async () => {
    const pod = await among({ ready: false }).start()
    refuse()
    expect((await pod.send('a', 'x')).peers).toMatchObject([{ status: 'failed' }])
    expect(pod.errors).toHaveLength(1)
    await pod.clock.advance(1_000)
    expect(losses()).toEqual([])
    await pod.clock.advance(6_000)
    expect(losses()).toHaveLength(1)
  })

  it('is not logged when it is back within 3 seconds', async () => {
    const pod = await among().start()
    refuse()
    await pod.send('a', 'x')
    await pod.clock.advance(1_000)
    peer.behave = peer.honest
    await pod.clock.until('it has what was sent', () => pod.status(ADDRESS)?.lag === 0)
    await pod.clock.advance(20_000)
    expect(lines.filter((line) => line.includes(ADDRESS))).toEqual([])
  })
})
