import { describe, expect, it } from 'vitest'
import type { SserOptions } from '../../src/index.ts'
import { nodeHmac } from '../../src/runtime/node/runtime.ts'
import { serverSideOf } from '../../src/sser.ts'
import { settle } from '../support/clock.ts'
import { Fleet, type Pod } from '../support/fleet.ts'

const SECRET: SserOptions = { peerSecret: 'sixteen letters and more' }
const reasons = (client: ReturnType<Pod['connect']>) => client.gaps.map(({ data }) => JSON.parse(data).reason)

/** Signs with Node's crypto, at once, because Web Crypto takes real time, which the virtual clock does not include. */
async function replace(fleet: Fleet, index: number, settings: SserOptions): Promise<Pod> {
  const pod = fleet.replace(index, settings)
  void serverSideOf(pod.sser)?.start({ hmacFactory: nodeHmac })
  await fleet.start(pod)
  return pod
}

/** Two Pods without a secret; the second is then replaced by one with it, which refuses the first and is refused. */
async function split() {
  const fleet = await Fleet.of(2)
  const old = fleet.pod(0)
  const young = await replace(fleet, 1, SECRET)
  const clients = [old.connect('a'), young.connect('a')] as const
  await fleet.clock.advance(15_000)
  return { fleet, old, young, clients }
}

/** Replaces the first Pod by one with the secret. */
async function mend(fleet: Fleet): Promise<Pod> {
  const pod = await replace(fleet, 0, SECRET)
  await fleet.clock.until('they talk', () => {
    return fleet.pods.every(({ sser }) =>
      sser.peers.every(({ state }) => state === 'connected' || state === 'self'),
    )
  })
  return pod
}

describe('two Pods of which only one has the secret', () => {
  it('send their clients a gap', async () => {
    const { fleet, clients } = await split()
    for (const client of clients) expect(reasons(client)).toEqual(['peer-loss'])
    await fleet.stop()
  })

  it('send it again once every logMaxAgeMs while the refusals last', async () => {
    const { fleet, clients } = await split()
    await fleet.clock.advance(360_000)
    for (const client of clients) {
      expect(client.gaps.length).toBeGreaterThanOrEqual(3)
      expect(client.gaps.length).toBeLessThanOrEqual(4)
    }
    await fleet.stop()
  })

  it('lose no event without a gap after it, also once both have the secret', async () => {
    const { fleet, old, clients } = await split()
    const [, client] = clients
    for (let i = 0; i < 290; i += 1) void old.sser.send('a', `lost ${i}`)
    await settle()
    const before = client.gaps.length
    await mend(fleet)
    await fleet.clock.advance(10_000)
    expect(client.messages).toEqual([])
    expect(client.gaps.length).toBe(before + 1)
    await fleet.pod(0).sser.send('a', 'heard')
    await settle()
    expect(client.messages).toEqual(['heard'])
    await fleet.clock.advance(360_000)
    expect(client.gaps.length).toBe(before + 1)
    await fleet.stop()
  })

  it('send a resuming client a gap until three times logMaxAgeMs later', async () => {
    const { fleet, young, clients } = await split()
    await mend(fleet)
    await fleet.clock.advance(10_000)
    const id = clients[1].lastEventId
    const soon = young.open(['a'], id).flow()
    await settle()
    expect(reasons(soon)).toEqual(['peer-loss'])
    await fleet.clock.advance(400_000)
    const later = young.open(['a'], soon.lastEventId).flow()
    await settle()
    expect(reasons(later)).toEqual([])
    await fleet.stop()
  })

  it('pass the gap on to a Pod that starts later', async () => {
    const { fleet, clients } = await split()
    const pod = await mend(fleet)
    const client = pod.open(['a'], clients[1].lastEventId).flow()
    await settle()
    expect(client.gaps).toHaveLength(1)
    await fleet.stop()
  })

  it('send no gap where unsigned peers are allowed', async () => {
    const fleet = await Fleet.of(2)
    const young = await replace(fleet, 1, { ...SECRET, allowUnsignedPeers: true })
    const clients = [fleet.pod(0).connect('a'), young.connect('a')]
    await fleet.clock.advance(60_000)
    for (const client of clients) expect(client.gaps).toEqual([])
    await fleet.stop()
  })
})
