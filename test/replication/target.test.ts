import { describe, expect, it } from 'vitest'
import type { Peer, PeerFinder, Sser } from '../../src/index.ts'
import { ChangingPeerFinder } from '../support/changing-finder.ts'
import { Client } from '../support/client.ts'
import { settle, VirtualClock } from '../support/clock.ts'
import { newSser } from '../support/settings.ts'

const ADDRESS = '10.0.0.2'
const V1 = '/api/json/v1/send'
const V2 = '/api/json/v2/append'
const JSON_TYPE = { 'content-type': 'application/json' }

/** Two addresses on one network; each test chooses the Pod at the second one. */
class Network {
  readonly clock: VirtualClock = new VirtualClock()
  /** Target header of each request to `ADDRESS`. */
  readonly named: (string | null)[] = []
  tenant: Sser | undefined

  /** A Pod with a UID of its own, and with these peers in its finder. */
  pod(uid: string | undefined, peers: ChangingPeerFinder): Sser {
    return newSser({ peerFinder: knowing(uid, peers), clock: this.clock, peerFetch: this.#fetch })
  }

  async start(sser: Sser): Promise<Sser> {
    let isStarted = false
    sser.start().then(() => (isStarted = true))
    await this.clock.until('the Pod starts', () => isStarted)
    return sser
  }

  async send(sser: Sser, msg: string) {
    const sending = sser.send('a', msg)
    await this.clock.advance(1_000)
    return (await sending).peers
  }

  #fetch = async (url: string, init: RequestInit): Promise<Response> => {
    if (new URL(url).hostname !== ADDRESS || this.tenant === undefined) throw new TypeError('fetch failed')
    this.named.push(new Headers(init.headers).get('sser-target'))
    return this.tenant.internalRoutes.fetch(new Request(url, init))
  }
}

function knowing(uid: string | undefined, finder: PeerFinder): PeerFinder {
  return { start: async (options) => ({ ...(await finder.start(options)), uid }) }
}

const at = (...uids: (string | undefined)[]): Peer[] => uids.map((uid) => ({ address: ADDRESS, uid }))
const nobody = () => new ChangingPeerFinder([])

/** A sender with the Pod `old` at `ADDRESS` in its list, although the Pod `uid` is there. */
async function facing(uid: string | undefined) {
  const network = new Network()
  const tenant = await network.start(network.pod(uid, nobody()))
  network.tenant = tenant
  const client = new Client(await tenant.handler(new Request('http://pod/events?stream=a'))).flow()
  const finder = new ChangingPeerFinder(at('old'))
  const sender = await network.start(network.pod('sender', finder))
  return { client, finder, network, sender, tenant }
}

describe('a request', () => {
  it('names its target Pod, which accepts it', async () => {
    const { client, network, sender } = await facing('old')
    expect(await network.send(sender, 'x')).toEqual([{ peer: `${ADDRESS}:7000`, status: 'delivered' }])
    expect(new Set(network.named)).toEqual(new Set(['old']))
    expect(client.messages).toEqual(['x'])
  })

  it('names no target where the finder knows no UID', async () => {
    const { finder, network, sender } = await facing('old')
    finder.set(at(undefined))
    await settle()
    network.named.length = 0
    await network.send(sender, 'x')
    expect(new Set(network.named)).toEqual(new Set([null]))
  })
})

describe('a Pod', () => {
  it('gets no events of the Pod that had its address before', async () => {
    const { client, network, sender, tenant } = await facing('stranger')
    const before = tenant.position
    expect(await network.send(sender, 'x')).toEqual([
      { peer: `${ADDRESS}:7000`, status: 'failed', reason: 'another Pod has this address by now' },
    ])
    await network.clock.advance(1_000)
    expect(client.messages).toEqual([])
    expect(tenant.position).toBe(before)
    expect(tenant.peers).toEqual([])
  })

  it('gets events once it is in the list itself', async () => {
    const { client, finder, network, sender } = await facing('stranger')
    await network.send(sender, 'x')
    finder.set(at('stranger'))
    await network.clock.advance(100)
    expect(await network.send(sender, 'y')).toEqual([{ peer: `${ADDRESS}:7000`, status: 'delivered' }])
    expect(client.messages).toContain('y')
  })

  it.each([V1, V2])('responds with 421 to a request for another Pod: %s', async (path) => {
    const { tenant } = await facing('stranger')
    const ask = (uid: string) =>
      tenant.internalRoutes.request(path, {
        method: 'POST',
        body: '{',
        headers: { ...JSON_TYPE, 'sser-target': uid },
      })
    expect((await ask('old')).status).toBe(421)
    expect((await ask('stranger ')).status).toBe(400)
    expect((await ask('stranger')).status).toBe(400)
  })

  it('rejects requests with a target before it knows its own UID', async () => {
    const network = new Network()
    const sser = network.pod('old', nobody())
    const ask = (headers: Record<string, string>) =>
      sser.internalRoutes.request(V1, {
        method: 'POST',
        body: '{"stream":"a","msg":"x"}',
        headers: { ...JSON_TYPE, ...headers },
      })
    expect((await ask({ 'sser-target': 'old' })).status).toBe(503)
    expect((await ask({})).status).toBe(200)
    await network.start(sser)
    expect((await ask({ 'sser-target': 'old' })).status).toBe(200)
  })

  it('accepts every request where it knows no UID of its own', async () => {
    const { client, network, sender } = await facing(undefined)
    await network.send(sender, 'x')
    expect(client.messages).toEqual(['x'])
  })
})
