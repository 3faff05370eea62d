import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import type { Decision, Requested } from '../../src/index.ts'
import { ownCpuMs } from '../support/cpu-time.ts'
import { Fleet } from '../support/fleet.ts'
import { RawClient } from '../support/stream-client.ts'
import { until, within } from '../support/until.ts'
import { listen, raws, SecuredFleet, type SecuredPod } from './fleet.ts'

const fleet = new SecuredFleet('127.0.65')
afterEach(() => fleet.stop())

/** The tag of a connection is the name of its first stream, before the dash. */
const authorize = (_: unknown, { streams }: Requested): Decision => ({
  tags: [streams?.[0]?.split('-')[0] ?? ''],
})

describe('disconnect()', () => {
  it('ends the connections with the tag, on every Pod, and no others', async () => {
    const pods = await fleet.start({ authorize }, { authorize }, { authorize })
    const ann = await Promise.all(pods.map((pod, i) => listen(pod, `ann-${i}`)))
    const bob = await Promise.all(pods.map((pod, i) => listen(pod, `bob-${i}`, 'ann-0')))
    const receipt = await (pods[0] as SecuredPod).sser.disconnect({ tag: 'ann' })
    expect(receipt).toMatchObject({
      connections: 1,
      peers: [{ status: 'delivered' }, { status: 'delivered' }],
    })
    await within('they end', Promise.all(ann.map(({ closed }) => closed)))
    for (const raw of ann) expect(raw.text).toContain('\ndata: {"reason":"disconnected"}\n\n\r\n0\r\n\r\n')
    await (pods[1] as SecuredPod).sser.send('ann-0', 'still here')
    for (const raw of bob) await raw.holds('the event', (text) => text.includes('still here'))
    expect(pods.map(({ sser }) => sser.connections)).toEqual([1, 1, 1])
  })

  it('ends connections that match the stream, and the tag if both are given', async () => {
    const pods = (await fleet.start({ authorize }, { authorize })) as [SecuredPod, SecuredPod]
    const [one, two] = pods
    const kept = await listen(two, 'ann-1')
    const both = await listen(two, 'ann-2', 'news')
    await one.sser.disconnect({ tag: 'ann', stream: 'news' })
    await within('it ends', both.closed)
    const other = await listen(two, 'bob-1', 'news')
    await one.sser.disconnect({ stream: 'news' })
    await within('it ends', other.closed)
    expect([kept.isClosed, two.sser.connections]).toEqual([false, 1])
  })

  it('ends 1,000 connections on three Pods within a second', async () => {
    const pods = await fleet.start({ authorize }, { authorize }, { authorize })
    const listening = Array.from({ length: 1_000 }, (_, i) =>
      listen(pods[i % 3] as SecuredPod, `ann-${i % 10}`),
    )
    const clients = await Promise.all(listening)
    const probe = await listen(pods[2] as SecuredPod, 'bob')
    // CPU time of the Pods and of the clients, which are in this process: a busy machine needs longer.
    const ms = await ownCpuMs(async () => {
      await (pods[0] as SecuredPod).sser.disconnect({ tag: 'ann' })
      await within('all are gone', Promise.all(clients.map(({ closed }) => closed)))
    })
    console.log(`1,000 connections on three Pods were gone after ${Math.round(ms)} ms`)
    expect(ms).toBeLessThan(1_000)
    expect(pods.map(({ sser }) => sser.connections)).toEqual([0, 0, 1])
    expect(probe.isClosed).toBe(false)
  })

  it('ends admitted connections that have not begun to read, with authorize or without', async () => {
    const pods = await fleet.start({ authorize }, {})
    for (const { sser } of pods) {
      const response = await sser.handler(new Request('http://pod/?stream=ann-1'))
      await (pods[0] as SecuredPod).sser.disconnect({ stream: 'ann-1' })
      expect(await response.text()).toMatch(
        /^event: sser-retry\nretry: \d+\ndata: {"reason":"disconnected"}\n\n$/,
      )
      expect(sser.connections).toBe(0)
    }
  })

  it('also ends a connection whose authorize call is pending, on any Pod', async () => {
    const gates: (() => void)[] = []
    const slow = async (): Promise<Decision> => {
      await new Promise<void>((resolve) => gates.push(resolve))
      return { tags: ['ann'] }
    }
    const pods = (await fleet.start({ authorize: slow }, { authorize: slow })) as [SecuredPod, SecuredPod]
    const judged = await Promise.all(pods.map(({ url }) => RawClient.events(url, ['a'])))
    raws.push(...judged)
    await until('both are being judged', () => gates.length === 2)
    await pods[0].sser.disconnect({ tag: 'ann' })
    for (const open of gates) open()
    await within('both end', Promise.all(judged.map(({ closed }) => closed)))
    for (const raw of judged) expect(raw.text).not.toContain('sser-position')
    const again = RawClient.events(pods[1].url, ['a'])
    await until('it is judged anew', () => gates.length === 3)
    gates[2]?.()
    raws.push(await again)
    await raws.at(-1)?.holds('a greeting', (text) => text.includes('sser-position'))
  })

  it('ends only pending requests that match both the stream and the tag', async () => {
    const gates: (() => void)[] = []
    const slow = async (): Promise<Decision> => {
      await new Promise<void>((resolve) => gates.push(resolve))
      return { tags: ['ann'] }
    }
    const [pod] = (await fleet.start({ authorize: slow })) as [SecuredPod]
    const [one, two] = await Promise.all(['a', 'b'].map((stream) => RawClient.events(pod.url, [stream])))
    raws.push(one as RawClient, two as RawClient)
    await until('both are being judged', () => gates.length === 2)
    await pod.sser.disconnect({ tag: 'ann', stream: 'a' })
    await pod.sser.disconnect({ tag: 'bob', stream: 'b' })
    for (const open of gates) open()
    await within('the first ends', (one as RawClient).closed)
    await two?.holds('a greeting', (text) => text.includes('sser-position'))
  })

  it('ends a pending request though the log has evicted the disconnect', async () => {
    const gates: (() => void)[] = []
    const slow = async (): Promise<Decision> => {
      await new Promise<void>((resolve) => gates.push(resolve))
      return { tags: ['ann'] }
    }
    const [pod] = (await fleet.start({ authorize: slow, logMaxBytes: 1_024 })) as [SecuredPod]
    const open = async () => {
      const raw = await RawClient.events(pod.url, ['a'])
      raws.push(raw)
      return raw
    }
    const before = await open()
    await until('it is being judged', () => gates.length === 1)
    await pod.sser.disconnect({ tag: 'ann' })
    for (let i = 0; i < 20; i += 1) await pod.sser.send('b', 'x'.repeat(200))
    const after = await open()
    await until('another is being judged', () => gates.length === 2)
    for (const judged of gates) judged()
    await within('the first ends', before.closed)
    expect(before.text).not.toContain('sser-position')
    await after.holds('a greeting', (text) => text.includes('sser-position'))
  })

  it('loses no event for clients that are admitted again', async () => {
    const pods = (await fleet.start({ authorize }, { authorize })) as [SecuredPod, SecuredPod]
    const client = await fleet.listen(1, 'ann')
    for (let n = 0; n < 40; n += 1) {
      if (n === 20) await pods[0].sser.disconnect({ tag: 'ann' })
      await pods[0].sser.send('ann', `${n}`)
    }
    await until('it has all', () => client.messages.length === 40)
    expect(client.messages).toEqual(Array.from({ length: 40 }, (_, n) => `${n}`))
    expect(client.gaps).toEqual([])
  })

  it('matches a tag that is not valid Unicode', async () => {
    const pods = await fleet.start(...[1, 2].map(() => ({ authorize: () => ({ tags: ['ann\ud800'] }) })))
    const clients = await Promise.all(pods.map((pod) => listen(pod, 'a')))
    await pods[0]?.sser.disconnect({ tag: 'ann\ud800' })
    await within('they end', Promise.all(clients.map(({ closed }) => closed)))
  })

  it('rejects a selector without a valid stream or tag', async () => {
    const [{ sser }] = (await fleet.start({})) as [SecuredPod]
    for (const [selector, code] of [
      [{}, 'empty-selector'],
      [{ stream: '' }, 'stream-name-required'],
      [{ stream: 'a\nb' }, 'invalid-stream-name'],
      [{ tag: '' }, 'invalid-tag'],
      [{ tag: 'x'.repeat(257) }, 'invalid-tag'],
      [{ tag: 1 as unknown as string }, 'invalid-tag'],
    ] as const)
      await expect(sser.disconnect(selector)).rejects.toMatchObject({ code })
    expect(await sser.disconnect({ tag: 'nobody' })).toMatchObject({ connections: 0, peers: [] })
  })
})

describe('a Pod whose incarnation changes during an authorize call', () => {
  function gated() {
    const gates: (() => void)[] = []
    const slow = async (): Promise<Decision> => {
      await new Promise<void>((resolve) => gates.push(resolve))
      return { tags: ['ann'] }
    }
    return { gates, slow }
  }

  it('admits no connection once it drains', async () => {
    const { gates, slow } = gated()
    const [pod] = (await fleet.start({ authorize: slow, drainTimeoutMs: 300 })) as [SecuredPod]
    const raw = await RawClient.events(pod.url, ['a'])
    raws.push(raw)
    await until('it is being judged', () => gates.length === 1)
    const stopped = pod.sser.stop()
    gates[0]?.()
    await raw.holds('an answer', (text) => text.includes('retry: 2000'))
    await stopped
    expect(raw.text).not.toContain('sser-position')
    expect(pod.sser.stats().connections.opened).toBe(0)
  })

  it('applies a disconnect from before its pause in the new incarnation', async () => {
    const { gates, slow } = gated()
    let jumpMs = 0
    const clock = { ...systemClock, now: () => systemClock.now() + jumpMs }
    const [still, other] = (await fleet.start({ authorize: slow, clock }, { authorize: slow })) as [
      SecuredPod,
      SecuredPod,
    ]
    // Entries that neither another Pod nor a new incarnation has: there, later entries have lower log indexes.
    for (let i = 0; i < 30; i += 1) {
      const body = JSON.stringify({ stream: 'b', msg: `${i}` })
      expect(
        (
          await fetch(`${still.internal}/api/json/v1/send`, {
            method: 'POST',
            body,
            headers: { 'content-type': 'application/json' },
          })
        ).status,
      ).toBe(200)
    }
    const raw = await RawClient.events(still.url, ['a'])
    raws.push(raw)
    await until('it is being judged', () => gates.length === 1)
    expect((await other.sser.disconnect({ tag: 'ann' })).peers).toMatchObject([{ status: 'delivered' }])
    jumpMs = 70_000
    const { epoch } = still.sser.stats()
    await other.sser.send('b', 'hello')
    const isNew = () => still.sser.isReady && still.sser.stats().epoch !== epoch
    await until('it has a new incarnation', isNew)
    gates[0]?.()
    await within('it ends', raw.closed)
    expect(raw.text).not.toContain('sser-position')
  })
})

describe('a Pod that was cut off', () => {
  it('ends its connections when it comes back, over real sockets', async () => {
    let isCut = false
    const third = '127.0.65.3'
    const cutting = (own: string) => (url: string, init: RequestInit) =>
      isCut && (own === third || new URL(url).hostname === third)
        ? Promise.reject(new TypeError('the network is cut'))
        : fetch(url, init)
    const hosts = ['127.0.65.1', '127.0.65.2', third]
    const settings = hosts.map((own) => ({ authorize, peerFetch: cutting(own) }))
    const pods = (await fleet.start(...settings)) as [SecuredPod, SecuredPod, SecuredPod]
    const ann = await Promise.all(
      Array.from({ length: 300 }, (_, i) => listen(pods[i % 3] as SecuredPod, 'ann')),
    )
    isCut = true
    const { peers } = await pods[0].sser.disconnect({ tag: 'ann' })
    expect(peers.map(({ status }) => status).toSorted()).toEqual(['delivered', 'failed'])
    await until('two Pods have none', () => pods[0].sser.connections + pods[1].sser.connections === 0)
    expect(pods[2].sser.connections).toBe(100)
    isCut = false
    await within('the third has none', Promise.all(ann.map(({ closed }) => closed)))
    expect(pods[2].sser.connections).toBe(0)
  })

  it('ends them when it comes back, as a later Pod rejects earlier authorizations', async () => {
    const cut = await Fleet.of(3, { authorize: () => ({ tags: ['ann'] }) })
    const client = await openOn(cut, 2)
    cut.cut(0, 2)
    cut.cut(1, 2)
    const disconnecting = cut.pod(0).sser.disconnect({ tag: 'ann' })
    await cut.clock.advance(30_000)
    const { peers } = await disconnecting
    expect(peers.map(({ status }) => status).toSorted()).toEqual(['delivered', 'failed'])
    expect(client.ended).toBe(false)
    cut.heal()
    await cut.clock.until('it ends', () => client.ended)
    expect(cut.pod(2).sser.connections).toBe(0)
    await cut.stop()
  })

  it('learns of a disconnect from a third Pod if the sender is gone', async () => {
    const cut = await Fleet.of(3, { authorize: () => ({ tags: ['ann'] }) })
    const client = await openOn(cut, 2)
    cut.cut(0, 2)
    cut.cut(1, 2)
    const disconnecting = cut.pod(0).sser.disconnect({ tag: 'ann' })
    await cut.clock.advance(2_000)
    await disconnecting
    cut.cut(0, 1)
    cut.cut(1, 2, undefined)
    cut.link(1, 2)
    cut.link(2, 1)
    await cut.clock.until('it ends', () => client.ended)
    await cut.stop()
  })
})

/** A client of one Pod of a fleet on virtual time, where the hook is asked. */
async function openOn(cut: Fleet, index: number) {
  const { Client } = await import('../support/client.ts')
  const response = await cut.pod(index).sser.handler(new Request('http://pod/events?stream=a'))
  const client = new Client(response).flow()
  await delay(0)
  await until('it is connected', () => cut.pod(index).sser.connections === 1)
  return client
}
