import { describe, expect, it } from 'vitest'
import { StaticPeerFinder } from '../../src/index.ts'
import { Client } from '../support/client.ts'
import { settle, VirtualClock } from '../support/clock.ts'
import { Listening } from '../support/listening.ts'
import { newSser } from '../support/settings.ts'

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`)

/** Messages, and gaps with their reasons, that a client receives from here on. */
async function seen(pod: Listening, client: Client): Promise<string[]> {
  client.flow()
  await pod.clock.advance(0)
  return client.all.flatMap(({ event, data }) => {
    if (event === 'sser-position' || event === 'sser-retry') return []
    return [event === 'sser-gap' ? JSON.parse(data).reason : data]
  })
}

describe('a connection that is read after its response', () => {
  it.each([
    ['', {}],
    [', without history', { resume: false }],
  ])('receives the events before the first read of its body%s', async (_, settings) => {
    const pod = new Listening(settings)
    pod.send('a', 'before')
    const client = pod.open(['a'])
    for (const n of numbers(1, 3)) pod.send('a', n)
    pod.send('b', 'not this')
    await settle()
    pod.send('a', '4')
    expect(await seen(pod, client)).toEqual(numbers(1, 4))
    pod.send('a', '5')
    await settle()
    expect(client.messages).toEqual(numbers(1, 5))
  })

  it('receives an event that was sent right after the response', async () => {
    const clock = new VirtualClock()
    const sser = newSser({ peerFinder: new StaticPeerFinder([]), clock, logger: false })
    await sser.start()
    const response = await sser.handler(new Request('http://pod/events?stream=a'))
    await sser.send('a', 'welcome')
    const client = new Client(response).flow()
    await settle()
    expect(client.messages).toEqual(['welcome'])
  })

  it('receives the same events when it resumes with an id', async () => {
    const pod = new Listening()
    const first = pod.connect('a')
    await settle()
    await first.cancel()
    pod.send('a', '1')
    const client = pod.open(['a'], first.lastEventId)
    pod.send('a', '2')
    pod.incarnation.log.appendV1('a', '3, from Go', pod.clock.now())
    await settle()
    expect(await seen(pod, client)).toEqual(['1', '2', '3, from Go'])
  })

  it('gets one gap if the log evicted events before its response, and more after it', async () => {
    const pod = new Listening({ logMaxAgeMs: 5_000 })
    const first = pod.connect('a')
    await settle()
    await first.cancel()
    for (const n of numbers(1, 10)) {
      pod.send('a', n)
      await pod.clock.advance(1_000)
    }
    const client = pod.open(['a'], first.lastEventId)
    await pod.clock.advance(2_000)
    expect(await seen(pod, client)).toEqual(['trimmed', ...numbers(8, 10)])
  })

  it('gets no gap if the log evicted no-op entries alone', async () => {
    const pod = new Listening({ logMaxAgeMs: 5_000 })
    const client = pod.open(['a'])
    pod.append({})
    await pod.clock.advance(5_001)
    pod.send('a', 'kept')
    expect(await seen(pod, client)).toEqual(['kept'])
  })

  it('gets a gap if the log evicted events meanwhile', async () => {
    const pod = new Listening({ logMaxAgeMs: 5_000 })
    const client = pod.open(['a'])
    pod.send('a', 'lost')
    await pod.clock.advance(5_001)
    pod.send('a', 'kept')
    expect(await seen(pod, client)).toEqual(['slow-client', 'kept'])
    expect(await seen(pod, pod.open(['a'], client.lastEventId))).toEqual([])
  })

  it('takes no resources before its body is read', async () => {
    const pod = new Listening()
    const { timers } = pod.clock
    const bodies = numbers(1, 100).map(() => pod.body(['a']))
    expect([pod.incarnation.hub.size, pod.clock.timers]).toEqual([0, timers])
    expect([...pod.incarnation.hub.registry.streams]).toEqual([])
    for (const body of bodies) await body.cancel()
    expect([pod.incarnation.hub.size, pod.clock.timers]).toEqual([0, timers])
  })
})

const disconnect = (pod: Listening) => pod.append({ disconnect: { stream: 'a' } })

describe('a connection that a disconnect closes', () => {
  it('receives the events before the disconnect, and none after it', async () => {
    const pod = new Listening()
    const clients = numbers(1, 600).map(() => pod.connect('a'))
    await settle()
    pod.send('a', 'the last')
    disconnect(pod)
    pod.send('a', 'too late')
    expect(pod.incarnation.hub.size).toBe(0)
    await pod.clock.advance(0)
    for (const client of clients) {
      expect(client.messages).toEqual(['the last'])
      expect(client.ended).toBe(true)
    }
    expect(pod.clock.timers).toBe(0)
    expect(pod.errors).toEqual([])
  })

  it('is not written to after its client has gone, while it waits to be closed', async () => {
    const pod = new Listening()
    const clients = numbers(1, 600).map(() => pod.connect('a'))
    await settle()
    pod.send('a', 'the last')
    disconnect(pod)
    await Promise.all(clients.map((client) => client.cancel()))
    await pod.clock.advance(0)
    expect(pod.errors).toEqual([])
    expect(pod.clock.timers).toBe(0)
  })

  it('receives the events before it when the body is read only later', async () => {
    const pod = new Listening()
    const client = pod.open(['a'])
    pod.send('a', 'the last')
    disconnect(pod)
    pod.send('a', 'too late')
    await settle()
    expect(await seen(pod, client)).toEqual(['the last'])
    expect(client.ended).toBe(true)
    expect([pod.incarnation.hub.size, pod.clock.timers]).toEqual([0, 0])
  })

  it('receives nothing if its response came after the disconnect', async () => {
    const pod = new Listening()
    const since = pod.incarnation.log.nextIndex
    pod.send('a', 'before')
    disconnect(pod)
    const client = new Client(pod.body(['a'], undefined, since))
    pod.send('a', 'too late')
    expect(await seen(pod, client)).toEqual([])
    expect(client.ended).toBe(true)
  })

  it('catches up first if it is several slices behind', async () => {
    const pod = new Listening()
    const first = pod.connect('a')
    await settle()
    await first.cancel()
    for (const n of numbers(1, 400)) pod.send('a', `${n} ${'x'.repeat(1_000)}`)
    const client = pod.open(['a'], first.lastEventId)
    await client.read()
    disconnect(pod)
    pod.send('a', 'too late')
    await seen(pod, client)
    expect(client.messages.map((message) => message.split(' ')[0])).toEqual(numbers(1, 400))
    expect(client.ended).toBe(true)
    expect(pod.clock.timers).toBe(0)
  })

  it('is aborted after ten seconds if its client does not read', async () => {
    const pod = new Listening()
    const client = pod.open(['a'])
    await client.read()
    pod.send('a', '1')
    disconnect(pod)
    await pod.clock.advance(9_999)
    expect(pod.clock.timers).toBe(1)
    await pod.clock.advance(1)
    expect(pod.clock.timers).toBe(0)
    const isOver = client.read().then(
      () => client.ended,
      () => true,
    )
    expect(await isOver).toBe(true)
    expect(client.messages).toEqual([])
  })

  it('leaves nothing behind if its client disconnects first', async () => {
    const pod = new Listening()
    const client = pod.open(['a'])
    await client.read()
    pod.send('a', '1')
    disconnect(pod)
    await client.cancel()
    expect(pod.clock.timers).toBe(0)
    await pod.clock.advance(0)
    expect(pod.errors).toEqual([])
  })
})

describe('a Pod that stops', () => {
  it.each([0, 300])('delivers the events before the stop, with drainTimeoutMs %i', async (ms) => {
    const pod = new Listening()
    const clients = [pod.connect('a'), pod.connect('a')]
    await settle()
    pod.send('a', 'the last')
    const drained = pod.incarnation.hub.drain(ms)
    await pod.clock.advance(ms)
    await drained
    for (const client of clients) expect([client.messages, client.ended]).toEqual([['the last'], true])
  })
  it('closes a response that is read after the stop at once, also after a disconnect', async () => {
    const pod = new Listening()
    const client = pod.open(['a'])
    pod.send('a', 'before the disconnect')
    disconnect(pod)
    pod.incarnation.stop()
    expect(await seen(pod, client)).toEqual([])
    expect(client.ended).toBe(true)
    expect([pod.incarnation.hub.size, pod.clock.timers]).toEqual([0, 0])
  })
})
