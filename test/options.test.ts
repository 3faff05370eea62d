import { describe, expect, it } from 'vitest'
import { LocalhostPeerFinder, Sser } from '../src/index.ts'
import { INTERNALS } from '../src/internals.ts'
import { openTelemetryTracing } from '../src/opentelemetry.ts'
import { resolveOptions } from '../src/options.ts'

/** Every number: its default, and the least and the most that it may be. */
const NUMBERS: Record<string, readonly [fallback: number, least: number, most?: number]> = {
  internalPort: [7_000, 0, 65_535],
  retryMs: [2_000, 0, 2_147_483_647],
  heartbeatMs: [15_000, 1_000, 2_147_483_647],
  logMaxAgeMs: [120_000, 1_000, 2_147_483_647],
  logMaxBytes: [16_777_216, 1_024],
  drainTimeoutMs: [10_000, 0, 2_147_483_647],
  flushTimeoutMs: [10_000, 0, 2_147_483_647],
  maxMessageBytes: [60_000, 1, 1_048_576],
  maxStreamsPerConnection: [32, 1],
  ackTimeoutMs: [1_000, 0, 2_147_483_647],
  authorizeTimeoutMs: [5_000, 10, 2_147_483_647],
  maxConnections: [20_000, 1],
  maxConnectionsPerAddress: [0, 0],
  trustedProxyHops: [0, 0, 100],
  maxStreams: [100_000, 1],
  maxSubscriptions: [20_000, 1],
  slowClientTimeoutMs: [60_000, 1_000, 2_147_483_647],
  maxOutputBufferBytes: [33_554_432, 1_048_576],
  maxConnectionAgeMs: [0, 0, 2_147_483_647],
}

/** Every switch, and how it stands. */
const BOOLEANS: Record<string, boolean> = {
  resume: true,
  allowGoPeers: false,
  allowUnsignedPeers: false,
  allowOpenInternalPort: false,
}

const make = (settings: object) => () => new Sser({ peerFinder: new LocalhostPeerFinder(), ...settings })
const refusal = (...words: string[]) =>
  expect.objectContaining({
    code: 'invalid-options',
    message: expect.stringMatching(new RegExp(words.map((word) => RegExp.escape(word)).join('.*'))),
  })

describe('the defaults', () => {
  it('are as documented, and every option is tested here', () => {
    const runs = { maxBytes: 67_108_864, retainMs: 300_000, holders: 2, maxRuns: 10_000 }
    const numbers = Object.fromEntries(Object.entries(NUMBERS).map(([name, [fallback]]) => [name, fallback]))
    expect(resolveOptions({})).toEqual({ ...numbers, ...BOOLEANS, allowedInternalHosts: [], runs })
    expect(make({})().internalPort).toBe(7_000)
  })

  it('stand in for options that are undefined', () => {
    expect(resolveOptions({ heartbeatMs: undefined, onError: undefined }).heartbeatMs).toBe(15_000)
  })
})

describe.each(Object.entries(NUMBERS))('%s', (name, [, least, most]) => {
  it('accepts its minimum and its maximum', () => {
    for (const value of [least, least + 1, most ?? 2 ** 40])
      expect(resolveOptions({ [name]: value })).toMatchObject({ [name]: value })
  })

  it('rejects a value below its minimum, and names the minimum', () => {
    expect(make({ [name]: least - 1 })).toThrow(refusal(`"${name}"`, `>=${least}`, `${least - 1}`))
  })

  it('rejects a value above its maximum', () => {
    expect(make({ [name]: (most ?? Number.MAX_SAFE_INTEGER) + 1 })).toThrow(
      refusal(`"${name}"`, `<=${most ?? Number.MAX_SAFE_INTEGER}`),
    )
  })

  it.each(['5000', Number.NaN, least + 0.5, Number.POSITIVE_INFINITY, null, {}])('rejects %j', (value) => {
    expect(make({ [name]: value })).toThrow(refusal(`"${name}"`, 'expected'))
  })
})

describe('values that are no options', () => {
  it.each(Object.entries(INTERNALS))('%s is unknown to the constructor', (name, value) => {
    expect(make({ [name]: value })).toThrow(refusal(`"${name}"`, 'there is no such option'))
  })
})

describe('other options', () => {
  it.each(Object.entries(BOOLEANS))('require a boolean for %s', (name, usual) => {
    expect(resolveOptions({ [name]: !usual })).toMatchObject({ [name]: !usual })
    expect(make({ [name]: 1 })).toThrow(refusal(`"${name}"`, 'boolean', '1'))
  })

  it('require long strings for peerSecret, and no error repeats them', () => {
    const long = 'sixteen is enough'
    for (const peerSecret of [long, [long], [long, `${long}!`]]) expect(make({ peerSecret })).not.toThrow()
    for (const peerSecret of [
      'fifteen letters',
      [],
      [long, 'short'],
      Array(9).fill(long),
      1,
      null,
      'x'.repeat(1_025),
    ]) {
      expect(make({ peerSecret })).toThrow(refusal('"peerSecret"', '16 to 1,024 characters'))
      expect(make({ peerSecret })).not.toThrow(/fifteen|short/)
    }
  })

  it.each([
    ['', 'an empty string'],
    ['x', 'a string of 1 character'],
    ['a token from a file\n', 'a string of 20 characters, not all of them visible ASCII'],
    [['', 'two'], 'a list of 2 items: an empty string, a string of 3 characters'],
    [[], 'a list of 0 items'],
    [1_234_567_890_123_456, 'a number'],
    [true, 'true'],
    [null, 'null'],
    [{ token: 'x' }, 'an object'],
  ])('describe %j as publishToken by its type and length', (publishToken, received) => {
    expect(make({ publishToken })).toThrow(
      `Option "publishToken": expected false, a string of 16 to 1,024 visible ASCII characters, or up to 8 of them, got ${received}`,
    )
  })

  it('require names without scheme and port in allowedInternalHosts', () => {
    const names = ['web-1.example.com', '.example.com']
    expect(make({ allowedInternalHosts: names })).not.toThrow()
    for (const wrong of ['web-1.example.com:7000', 'http://web-1.example.com', ''])
      expect(make({ allowedInternalHosts: [wrong] })).toThrow(
        refusal('"allowedInternalHosts.0"', 'a host name'),
      )
    expect(make({ allowedInternalHosts: 'example.com' })).toThrow(refusal('"allowedInternalHosts"', 'Array'))
  })

  it.each(['onError', 'authorize'])('require a function for %s', (name) => {
    expect(make({ [name]: () => {} })).not.toThrow()
    expect(make({ [name]: 'x' })).toThrow(refusal(`"${name}"`, 'Function', '"x"'))
  })

  it('require false or an object with the methods of a logger', () => {
    for (const logger of [console, false]) expect(make({ logger })).not.toThrow()
    for (const logger of [true, {}, null, () => {}]) expect(make({ logger })).toThrow(refusal('"logger"'))
  })

  it('require the methods of tracing', () => {
    expect(make({ tracing: openTelemetryTracing() })).not.toThrow()
    for (const tracing of [true, {}, null, { send: () => {} }])
      expect(make({ tracing })).toThrow(refusal('"tracing"', 'openTelemetryTracing()'))
  })

  it('require an object for clock', () => {
    expect(make({ clock: 1 })).toThrow(refusal('"clock"'))
  })

  it('are rejected with the reason if a number is not whole', () => {
    expect(make({ heartbeatMs: 1_500.5 })).toThrow(refusal('"heartbeatMs"', 'a whole number', '1500.5'))
  })

  it('may leave out peerFinder, and reject a value without start()', () => {
    expect(() => new Sser()).not.toThrow()
    for (const peerFinder of [null, {}, 'localhost'])
      expect(make({ peerFinder })).toThrow(refusal('"peerFinder"', 'no peerFinder for a single Pod'))
  })

  it('are rejected by name if they do not exist', () => {
    expect(make({ heartbeatMS: 5_000 })).toThrow(refusal('"heartbeatMS"', 'no such option', 'heartbeatMs'))
  })
})
