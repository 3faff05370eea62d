import { describe, expect, it } from 'vitest'
import { Among, FakePeer } from '../support/fake-peer.ts'
import { hung } from '../support/fleet.ts'

const PEER = '10.0.0.1'
const deliver = async () => new Response()

describe('a hung peer', () => {
  it('costs send() one ackTimeoutMs, also after requests to it time out, until it responds', async () => {
    const peer = new FakePeer('peer1')
    const pod = await new Among({ [PEER]: peer }).start()
    peer.behave = (_, signal) => hung(deliver, signal)
    const receipts: { tookMs: number; status: string | undefined }[] = []
    for (let i = 0; i < 60; i += 1) {
      const { tookMs, peers } = await pod.send('a', `${i}`)
      receipts.push({ tookMs, status: peers[0]?.status })
      await pod.clock.advance(500)
    }
    expect(peer.requests.length).toBeGreaterThan(3)
    expect(receipts.reduce((sum, { tookMs }) => sum + tookMs, 0)).toBe(1_000)
    expect(new Set(receipts.map(({ status }) => status))).toEqual(new Set(['pending']))
    peer.behave = peer.honest
    await pod.clock.until('the peer has all', () => pod.status(PEER)?.lag === 0)
    expect(await pod.send('a', 'late')).toMatchObject({ tookMs: 0, peers: [{ status: 'delivered' }] })
  })
})
