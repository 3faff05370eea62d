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
  it('is no fault when it refuses connections, and receipts call it pending', async () => {
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

  it('is pending, too, for a send that waits when it leaves the list', async () => {
    const pod = await among({ terminating: true }).start()
    peer.behave = () => new Promise(() => {})
    const sending = pod.sser.send('a', 'x')
    await pod.clock.advance(0)
    finder.set([])
    await pod.clock.advance(0)
    expect((await sending).peers).toMatchObject([{ status: 'pending', reason: 'the Pod is being deleted' }])
  })

  it.each([401, 400])('is a fault all the same when it answers %s', async (status) => {
    const pod = await among({ terminating: true }).start()
    peer.behave = answer(status)
    await pod.send('a', 'x')
    expect(pod.errors).toHaveLength(1)
    expect(losses()).toHaveLength(1)
  })

  it('is not asked for the log in vain with a fault', async () => {
    refuse()
    const pod = await among({ terminating: true }).start()
    expect([losses(), pod.errors]).toEqual([[], []])
  })
})

describe('a Pod that is not ready and has never answered', () => {
  it.each([
    ['refuses connections', refuse],
    ['answers 503', () => Object.assign(peer, { behave: answer(503) })],
    ['has the address of a Pod that is still there', () => Object.assign(peer, { behave: answer(421) })],
  ])('is starting while it %s: no fault, and receipts call it pending', async (_, begin) => {
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

  it('is called at once when the finder says that it is ready, and is pending until it has answered', async () => {
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

  it('is a fault after 30 seconds, and then failed', async () => {
    refuse()
    const pod = await among({ ready: false }).start()
    await pod.clock.advance(36_000)
    expect(losses()).toHaveLength(1)
    expect((await pod.send('a', 'x')).peers).toMatchObject([{ status: 'failed' }])
  })

  it('is a fault at once when it refuses signatures', async () => {
    peer.behave = answer(401)
    const pod = await among({ ready: false }).start()
    expect(pod.errors.map(({ stage }) => stage)).toContain('append')
  })
})

describe('a Pod that answered before and refuses connections', () => {
  it('is failed and told to onError at once, and logged when that has lasted for 3 seconds', async () => {
    const pod = await among({ ready: false }).start()
    refuse()
    expect((await pod.send('a', 'x')).peers).toMatchObject([{ status: 'failed' }])
    expect(pod.errors).toHaveLength(1)
    await pod.clock.advance(1_000)
    expect(losses()).toEqual([])
    await pod.clock.advance(6_000)
    expect(losses()).toHaveLength(1)
  })

  it('is not logged when it is back before', async () => {
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
