import { describe, expect, it } from 'vitest'
import { serve as serveWithBun } from '../src/bun.ts'
import { LocalhostPeerFinder, Sser } from '../src/index.ts'
import { serve } from '../src/node.ts'
import { requireNode } from '../src/runtime/node/require-node.ts'
import { settle } from './support/clock.ts'
import { Fleet } from './support/fleet.ts'

const peerFinder = new LocalhostPeerFinder()

describe('new Sser()', () => {
  it.each([
    ['http://x', 'new Sser(): expected an object of options, got "http://x"'],
    [null, 'new Sser(): expected an object of options, got null'],
    [[], 'new Sser(): expected an object of options, got []'],
    [
      { peerFinder, heartBeatMS: 1 },
      'Option "heartBeatMS": there is no such option; did you mean "heartbeatMs"?',
    ],
    [{ port: 8000 }, 'Option "port": pass it to serve()'],
    [{ signals: false }, 'Option "signals": pass it to serve() or join()'],
    [{ server: {} }, 'Option "server": pass it to join()'],
    [{ peerFinder, heartbeatMs: 1_500.5 }, 'Option "heartbeatMs": expected a whole number, got 1500.5'],
  ])('rejects %j and says what it expects', (options, message) => {
    expect(() => new Sser(options as never)).toThrow(
      expect.objectContaining({ name: 'SserError', code: 'invalid-options', message }),
    )
  })

  it('lists all options where none resembles the unknown one', () => {
    expect(() => new Sser({ peerFinder, zzz: 1 } as never)).toThrow(
      /"zzz": .*; expected one of peerFinder, internalPort, /,
    )
  })
})

describe('a call with a wrong argument', () => {
  it.each([
    [[undefined, 'x'], 'invalid-stream-name', 'Stream name: expected a string, got undefined'],
    [[7, 'x'], 'invalid-stream-name', 'Stream name: expected a string, got 7'],
    [
      ['a', { b: 1 }],
      'invalid-message',
      'send(): expected the message as a string, got { b }; for other values, call JSON.stringify()',
    ],
    [
      ['a', 'b', 'created'],
      'invalid-argument',
      `send(): expected options such as { event: 'created' }, got "created"`,
    ],
    [['a', 'b', null], 'invalid-argument', "send(): expected options such as { event: 'created' }, got null"],
    [
      ['a', 'b', { evnt: 'x' }],
      'invalid-argument',
      'send(): there is no option "evnt"; did you mean "event"?',
    ],
    [
      ['a', 'b', { signal: 'x' }],
      'invalid-argument',
      'send(): option "signal": expected an AbortSignal, got "x"',
    ],
    [['a', 'b', { event: 7 }], 'invalid-event-type', 'Option "event": expected a string, got 7'],
  ])('send(...%j) rejects by name', async (values, code, message) => {
    const fleet = await Fleet.of(1)
    const { sser } = fleet.pod(0)
    const client = fleet.pod(0).connect('a')
    const call = Reflect.apply(sser.send, sser, values) as Promise<unknown>
    await expect(call).rejects.toMatchObject({ name: 'SserError', code, message })
    await settle()
    expect(client.events).toEqual([])
  })

  it.each([
    [
      [],
      'invalid-argument',
      'disconnect(): expected a selector such as { stream } or { tag }, got undefined',
    ],
    [['a'], 'invalid-argument', 'disconnect(): expected a selector such as { stream } or { tag }, got "a"'],
    [[{}], 'empty-selector', 'disconnect(): expected a stream, a tag, or both, got neither'],
    [
      [{ streams: 'a' }],
      'invalid-argument',
      'disconnect(): there is no selector "streams"; did you mean "stream"?',
    ],
  ])('disconnect(...%j) rejects by name', async (values, code, message) => {
    const { sser } = (await Fleet.of(1)).pod(0)
    const call = Reflect.apply(sser.disconnect, sser, values) as Promise<unknown>
    await expect(call).rejects.toMatchObject({ name: 'SserError', code, message })
  })
})

describe('start(), stop() and stats()', () => {
  it.each([
    ['start', 'now', 'start(): expected options such as { signal }, got "now"'],
    ['start', null, 'start(): expected options such as { signal }, got null'],
    ['start', { sginal: 1 }, 'start(): there is no option "sginal"; did you mean "signal"?'],
    [
      'start',
      { signal: new AbortController() },
      'start(): option "signal": expected an AbortSignal, got an instance of AbortController',
    ],
    [
      'stop',
      'SIGTERM',
      'stop(): expected options such as { beforeFlush: () => server.close() }, got "SIGTERM"',
    ],
    ['stop', { beforeFlush: true }, 'stop(): option "beforeFlush": expected a function, got true'],
    ['stop', { timeoutMs: 5 }, 'stop(): there is no option "timeoutMs"; expected beforeFlush'],
    ['stats', 5, 'stats(): expected options such as { largestStreams: 10 }, got 5'],
    [
      'stats',
      { largestStreams: '5' },
      'stats(): option "largestStreams": expected a whole number, 0 or more, got "5"',
    ],
    [
      'stats',
      { largestStreams: -1 },
      'stats(): option "largestStreams": expected a whole number, 0 or more, got -1',
    ],
  ] as const)('%s(%j) is rejected by name, and changes nothing', async (name, argument, message) => {
    const sser = new Sser({ peerFinder, logger: false })
    const call = async () => Reflect.apply(sser[name], sser, [argument])
    await expect(call()).rejects.toMatchObject({ name: 'SserError', code: 'invalid-argument', message })
    expect(sser.state).toBe('idle')
  })

  it('accept options that are undefined', async () => {
    const sser = new Sser({ peerFinder, logger: false })
    expect(sser.stats({ largestStreams: undefined }).connections.open).toBe(0)
    await sser.stop({ beforeFlush: undefined })
  })
})

describe('serve()', () => {
  it('names the option sser where it is missing', async () => {
    const call = serve({ fetch: () => new Response(), port: 0 } as never)
    await expect(call).rejects.toMatchObject({
      code: 'invalid-options',
      message: 'Option "sser": must be given',
    })
  })

  it('rejects null instead of options', async () => {
    await expect(serve(null as never)).rejects.toThrow('serve(): expected an object of options, got null')
  })

  it('of sser/bun rejects under Node, and names sser/node', async () => {
    await expect(serveWithBun({} as never)).rejects.toMatchObject({
      code: 'unsupported-runtime',
      message: `sser/bun: expected Bun, got Node ${process.versions.node}; import serve from sser/node`,
    })
  })
})

describe('the entry for Node', () => {
  it.each(['20.19.5', '22.18.0', '18.0.0'])('rejects Node %s in one line', (version) => {
    expect(() => requireNode(version)).toThrow(`sser: expected Node 22.19 or later, got Node ${version}`)
  })

  it.each(['22.19.0', '23.0.0', '24.21.0'])('accepts Node %s', (version) => {
    expect(() => requireNode(version)).not.toThrow()
  })
})
