import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { LocalhostPeerFinder, Sser } from '../src/index.ts'
import { settle } from './support/clock.ts'
import { Fleet, hung, outcome, refused } from './support/fleet.ts'
import { asReceived, HOSTILE_MESSAGES } from './support/messages.ts'
import { newSser } from './support/settings.ts'

async function onePod(settings?: ConstructorParameters<typeof Fleet>[1]) {
  const fleet = await Fleet.of(1, settings)
  const client = fleet.pod(0).connect('foo')
  await settle()
  return { fleet, client, sser: fleet.pod(0).sser }
}

describe('send() rejects', () => {
  it.each<[string, string, string, object, string, string]>([
    ['an empty stream', '', 'x', {}, 'stream-name-required', 'A stream name must be supplied'],
    ['a stream with a line break', 'a\nb', 'x', {}, 'invalid-stream-name', 'control characters'],
    ['a stream over 256 bytes', 'é'.repeat(129), 'x', {}, 'invalid-stream-name', '256 bytes'],
    ['an empty message', 'foo', '', {}, 'empty-message', 'you cannot send the empty string as a message'],
    ['a message over 60,000 bytes', 'foo', 'x'.repeat(60_001), {}, 'message-too-large', '60000 bytes'],
    ['a message over it in lines', 'foo', 'x\n'.repeat(7_501), {}, 'message-too-large', '60000 bytes'],
    ['a stream with half a surrogate pair', 'team \ud83d', 'x', {}, 'invalid-stream-name', 'toWellFormed()'],
    ['one that is over only in UTF-8', 'foo', '漢'.repeat(20_001), {}, 'message-too-large', '60000 bytes'],
    ['a type with CR', 'foo', 'x', { event: 'a\rb' }, 'invalid-event-type', 'CR, LF or NUL'],
    ['a type with LF', 'foo', 'x', { event: 'a\nb' }, 'invalid-event-type', 'CR, LF or NUL'],
    ['a type with NUL', 'foo', 'x', { event: 'a\u0000' }, 'invalid-event-type', 'CR, LF or NUL'],
    ['an empty type', 'foo', 'x', { event: '' }, 'invalid-event-type', 'empty'],
    ['a type of Sser’s own', 'foo', 'x', { event: 'sser-gap' }, 'invalid-event-type', 'reserved'],
    ['a type too long', 'foo', 'x', { event: 'x'.repeat(257) }, 'invalid-event-type', '256 characters'],
    [
      'a key with a line break',
      'foo',
      'x',
      { idempotencyKey: 'a\nb' },
      'invalid-idempotency-key',
      '256 characters',
    ],
  ])('%s', async (_, stream, msg, options, code, words) => {
    const { client, sser } = await onePod()
    await expect(sser.send(stream, msg, options)).rejects.toMatchObject({
      name: 'SserError',
      code,
      message: expect.stringContaining(words),
    })
    await settle()
    expect(client.events).toEqual([])
  })

  it.each([undefined, null, 7, {}])('a message that is %j, and says what to do', async (msg) => {
    const { sser } = await onePod()
    await expect(sser.send('foo', msg as unknown as string)).rejects.toMatchObject({
      code: 'invalid-message',
      message: expect.stringContaining('JSON.stringify'),
    })
  })

  it('before start()', async () => {
    const sser = new Sser({ peerFinder: new LocalhostPeerFinder() })
    await expect(sser.send('foo', 'x')).rejects.toMatchObject({
      code: 'not-started',
      message: expect.stringContaining('await serve({ sser, … }) or join({ sser, … })'),
    })
  })

  it('after stop()', async () => {
    const { fleet, sser } = await onePod()
    await fleet.stop()
    await expect(sser.send('foo', 'x')).rejects.toMatchObject({ code: 'stopped' })
  })

  it('no message of the full size, and no character', async () => {
    const { client, sser } = await onePod()
    await sser.send('foo', 'x'.repeat(60_000))
    await sser.send('foo', '漢'.repeat(20_000))
    await sser.send('foo', 'x\n'.repeat(7_500))
    expect(client.messages.map(({ length }) => length)).toEqual([60_000, 20_000, 15_000])
  })
})

describe('hostile messages', () => {
  it.each(HOSTILE_MESSAGES)('reach a client unchanged except for line breaks: %j', async (msg) => {
    const { client, sser } = await onePod()
    await sser.send('foo', msg, { event: 'order' })
    await settle()
    expect(client.events).toEqual([{ event: 'order', id: expect.any(String), data: asReceived(msg) }])
    expect(client.errors).toEqual([])
  })
})

describe('send() replaces', () => {
  it('lone surrogates in message and type by U+FFFD, on every Pod', async () => {
    const fleet = await Fleet.of(2)
    const clients = fleet.pods.map((pod) => pod.connect('foo'))
    await settle()
    await fleet.pod(0).sser.send('foo', 'a\ud800b', { event: 'x\udfff' })
    for (const { events } of clients) expect(events).toMatchObject([{ data: 'a\ufffdb', event: 'x\ufffd' }])
  })
})

describe('the signal of send()', () => {
  it('prevents the send if it is already aborted', async () => {
    const { client, sser } = await onePod()
    const signal = AbortSignal.abort(new Error('not now'))
    await expect(sser.send('foo', 'x', { signal })).rejects.toThrow('not now')
    await settle()
    expect(client.events).toEqual([])
  })

  it('ends the wait with its reason, but not the delivery', async () => {
    const fleet = await Fleet.of(2)
    const client = fleet.pod(1).connect('foo')
    await settle()
    fleet.link(0, 1, hung)
    const timers = fleet.clock.timers
    const controller = new AbortController()
    const sending = fleet.pod(0).sser.send('foo', 'x', { signal: controller.signal })
    await settle()
    controller.abort(new Error('enough'))
    await expect(sending).rejects.toThrow('enough')
    expect(fleet.clock.timers).toBe(timers + 1)
    fleet.heal()
    await fleet.clock.advance(10_000)
    expect(client.messages).toEqual(['x'])
  })

  it('keeps no listener after the receipt', async () => {
    const fleet = await Fleet.of(2)
    const { signal } = new AbortController()
    await fleet.pod(0).sser.send('foo', 'x', { signal })
    fleet.link(0, 1, hung)
    const sending = fleet.pod(0).sser.send('foo', 'y', { signal })
    await settle()
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    await fleet.clock.advance(1_000)
    await sending
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })
})

describe('an idempotency key', () => {
  it('sends once despite retries on any Pod, and the receipt reports duplicates', async () => {
    const fleet = await Fleet.of(2)
    const clients = fleet.pods.map((pod) => pod.connect('foo'))
    await settle()
    const first = await fleet.pod(0).sser.send('foo', 'pay', { idempotencyKey: 'k1' })
    const again = await fleet.pod(0).sser.send('foo', 'pay', { idempotencyKey: 'k1' })
    const elsewhere = await fleet.pod(1).sser.send('foo', 'pay', { idempotencyKey: 'k1' })
    expect([first, again, elsewhere].map(({ id, duplicate }) => [id, duplicate])).toEqual([
      [first.id, false],
      [first.id, true],
      [first.id, true],
    ])
    // Known at once, without waiting for anybody.
    for (const { peers } of [first, again, elsewhere]) expect(peers).toMatchObject([{ status: 'delivered' }])
    await fleet.pod(1).sser.send('bar', 'pay', { idempotencyKey: 'k1' })
    await fleet.pod(1).sser.send('foo', 'pay', { idempotencyKey: 'k2' })
    expect(clients.map(({ messages }) => messages)).toEqual([
      ['pay', 'pay'],
      ['pay', 'pay'],
    ])
  })
})

describe('start() and stop()', () => {
  it('return the first call’s promise if called twice', async () => {
    const { fleet, sser } = await onePod()
    expect(sser.start()).toBe(sser.start())
    const stopping = sser.stop()
    expect(sser.stop()).toBe(stopping)
    await fleet.clock.advance(100)
    await stopping
  })

  it('reject with the error of the finder’s first list, and allow a retry', async () => {
    const error = new Error('no API server')
    let isDown = true
    const finder = new LocalhostPeerFinder()
    const sser = newSser({
      peerFetch: () => refused(async () => new Response(), new AbortController().signal),
      initialSyncTimeoutMs: 0,
      peerFinder: {
        start: (options) => (isDown ? Promise.reject(error) : finder.start(options)),
      },
    })
    await expect(sser.start()).rejects.toBe(error)
    isDown = false
    await sser.start()
    expect(sser.isReady).toBe(true)
    void sser.stop()
  })

  it('send nothing of a send() that was aborted during start', async () => {
    const fleet = await Fleet.of(2)
    const late = fleet.replace(1)
    fleet.link(1, 0, hung)
    void late.sser.start()
    await settle()
    const controller = new AbortController()
    const sending = outcome(late.sser.send('foo', 'x', { signal: controller.signal }))
    controller.abort(new Error('never mind'))
    fleet.heal()
    const listener = fleet.pod(0).connect('foo')
    await fleet.clock.advance(10_000)
    await expect(late.sser.send('foo', 'y')).resolves.toMatchObject({ duplicate: false })
    await settle()
    expect(listener.messages).toEqual(['y'])
    await sending
  })

  it('reject a start() after stop()', async () => {
    const sser = new Sser({ peerFinder: new LocalhostPeerFinder() })
    await sser.stop()
    await expect(sser.start()).rejects.toMatchObject({ code: 'stopped' })
  })

  it('stop the instance when the signal of start() aborts', async () => {
    const fleet = new Fleet(1)
    const controller = new AbortController()
    const { sser } = fleet.pod(0)
    void sser.start({ signal: controller.signal })
    await fleet.clock.until('the Pod starts', () => sser.isReady)
    const client = fleet.pod(0).connect('foo')
    await settle()
    controller.abort()
    await fleet.clock.advance(100)
    expect(client.ended).toBe(true)
    await expect(sser.send('foo', 'x')).rejects.toMatchObject({ code: 'stopped' })
  })

  it.each(['before start()', 'after stop()'])(
    'tell a client that connects %s to retry, without an error',
    async (when) => {
      const fleet = new Fleet(1)
      if (when === 'after stop()') {
        await fleet.start(fleet.pod(0))
        await fleet.stop()
      }
      const client = fleet.pod(0).connect('foo')
      await settle()
      expect(client.retries).toEqual([2_000])
      expect([client.ended, client.all.map(({ event }) => event), client.errors]).toEqual([
        true,
        ['sser-retry'],
        [],
      ])
    },
  )
})
