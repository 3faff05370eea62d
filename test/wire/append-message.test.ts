import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Append, encodeAppend, parseAppend } from '../../src/wire/append-message.ts'
import type { RunHeader } from '../../src/wire/runs.ts'
import { HOSTILE_MESSAGES } from '../support/messages.ts'
import { check } from '../support/property.ts'

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const epoch = fc.stringMatching(/^[0-9A-Za-z]{5}$/)
const duration = fc.double({ min: 0, max: 1e9, noNaN: true }).map((ms) => ms + 0)
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })
const content = fc.oneof(
  fc.constant({}),
  fc.constantFrom<{ run: RunHeader }>(
    { run: { start: 'chat' } },
    { run: { start: 'chat', replaces: 'aaaaa:1' } },
    { run: { end: 3, state: 'failed', reason: 'quota', chunks: 7 } },
    { run: { cancel: 'aaaaa:1' } },
  ),
  fc.record({
    stream: fc.constantFrom('foo', 'é😀'),
    msg: fc.oneof(fc.constantFrom(...HOSTILE_MESSAGES), fc.string({ unit: 'binary', minLength: 1 })),
    event: optional(fc.constantFrom('order', ' :')),
    key: optional(fc.constantFrom('k1', 'é')),
    traceparent: optional(fc.constant(TRACEPARENT)),
  }),
)
const run = fc
  .record({
    epoch,
    prev: fc.nat(),
    floor: optional(fc.boolean()),
    idle: duration,
    contents: fc.array(fc.tuple(content, duration), { maxLength: 5 }),
  })
  .map(({ contents, ...rest }) => ({
    ...rest,
    events: contents.map(([text, age], i) => ({ seq: rest.prev + 1 + i, age, ...text })),
  }))
const append: fc.Arbitrary<Append> = fc.record({
  epoch,
  position: fc.array(fc.tuple(epoch, fc.nat())).map((entries) => new Map(entries)),
  runs: fc.array(run, { maxLength: 4 }),
  hydrate: optional(fc.boolean()),
  ready: optional(fc.boolean()),
  v1Age: optional(duration),
})

const FIRST = { seq: 5, age: 1, stream: 'foo', msg: 'a' }
const SECOND = { seq: 6, age: 0 }
const RUN = { epoch: 'aaaaa', prev: 4, idle: 0, events: [FIRST, SECOND] }
const GOOD = { v: 2, epoch: 'aaaaa', position: { bbbbb: 3 }, runs: [RUN] }

/** A good message, with other fields. */
const message = (fields: object) => JSON.stringify({ ...GOOD, ...fields })
/** The same for its run, and for the first event of that. */
const withRun = (fields: object) => message({ runs: [{ ...RUN, ...fields }] })
const withFirst = (fields: object) => withRun({ events: [{ ...FIRST, ...fields }, SECOND] })

describe('an append', () => {
  it('reads back as it was printed', () => {
    check(append, (message) => {
      const { position, ...rest } = parseAppend(encodeAppend(message))
      // JSON leaves out undefined fields.
      const { position: sent, ...others } = message
      expect(position).toEqual(sent)
      expect(rest).toEqual(JSON.parse(JSON.stringify(others)))
    })
  })

  it('has a no-op entry in place of a header of a run that this version does not know', () => {
    for (const header of [{ paused: 3 }, { end: 3, state: 'paused', chunks: 1 }, { start: 7 }, {}]) {
      const [parsed] = parseAppend(withRun({ events: [{ seq: 5, age: 1, run: header }] })).runs
      expect(JSON.parse(JSON.stringify(parsed?.events))).toEqual([{ seq: 5, age: 1 }])
    }
    expect(() => parseAppend(withRun({ events: [{ seq: 5, age: 1, run: 'start' }] }))).toThrow('events.0.run')
  })

  it('may have fields that this version does not know, anywhere', () => {
    const events = [{ ...FIRST, flavour: 'sour' }, SECOND]
    const later = message({ zone: 'eu', runs: [{ ...RUN, compressed: false, events }] })
    expect(parseAppend(later)).toEqual(parseAppend(message({})))
  })

  it.each([
    '00-1',
    '',
    `${TRACEPARENT}\n`,
    `${TRACEPARENT}-`,
    'x'.repeat(1_000_000),
    1,
    null,
    {},
    [TRACEPARENT],
  ])('loses a traceparent that is none, and nothing else: %j', (traceparent) => {
    expect(parseAppend(withFirst({ traceparent }))).toEqual(parseAppend(message({})))
  })

  it.each<[string, string]>([
    ['no JSON', '{"v":2,'],
    ['empty', ''],
    ['null', 'null'],
    ['an array', '[]'],
    ['a string', '"v2"'],
    ['of another version', message({ v: 3 })],
    ['of a version in quotes', message({ v: '2' })],
    ['without a version', message({ v: undefined })],
    ['without an epoch', message({ epoch: undefined })],
    ['from an epoch too short', message({ epoch: 'aaaa' })],
    ['from an epoch with other letters', message({ epoch: 'aaa-a' })],
    ['from an epoch that is a number', message({ epoch: 12345 })],
    ['without a position', message({ position: undefined })],
    ['with a position of a wrong epoch', message({ position: { longer: 1 } })],
    ['with a position below 0', message({ position: { aaaaa: -1 } })],
    ['with a position between two', message({ position: { aaaaa: 1.5 } })],
    ['with a position past all numbers', message({ position: { aaaaa: 2 ** 53 } })],
    ['with a position in quotes', message({ position: { aaaaa: '1' } })],
    ['without runs', message({ runs: undefined })],
    ['with runs that are none', message({ runs: {} })],
    ['with a run of a wrong epoch', withRun({ epoch: '__proto__' })],
    ['with a run without prev', withRun({ prev: undefined })],
    ['with a run without idle', withRun({ idle: undefined })],
    ['with a run that was idle for less than nothing', withRun({ idle: -1 })],
    ['with a floor that is no boolean', withRun({ floor: 1 })],
    ['with too many runs', message({ runs: Array.from({ length: 65_537 }, () => RUN) })],
    ['with a seq twice', withRun({ events: [FIRST, { ...SECOND, seq: 5 }] })],
    ['with a seq left out', withRun({ events: [FIRST, { ...SECOND, seq: 7 }] })],
    ['with seqs backwards', withRun({ events: [SECOND, FIRST] })],
    ['with a first seq that does not follow prev', withRun({ prev: 3 })],
    ['with an event without age', withFirst({ age: undefined })],
    ['with an age below 0', withFirst({ age: -1 })],
    ['with an age that is no number', withFirst({ age: null })],
    ['with an event without msg', withFirst({ msg: undefined })],
    ['with an empty msg', withFirst({ msg: '' })],
    ['with a numeric msg', withFirst({ msg: 1 })],
    ['with an empty stream', withFirst({ stream: '' })],
    ['with a stream that has a line break', withFirst({ stream: 'a\nb' })],
    ['with a stream too long', withFirst({ stream: 'x'.repeat(257) })],
    ['with a forging event type', withFirst({ event: 'a\ndata: x' })],
    ['with a reserved event type', withFirst({ event: 'sser-gap' })],
    ['with a key that has a line break', withFirst({ key: 'a\nb' })],
  ])('that is %s is refused', (_, text) => {
    expect(() => parseAppend(text)).toThrow(expect.objectContaining({ code: 'invalid-peer-message' }))
  })

  it('that is refused names the place', () => {
    const text = withFirst({ age: -1 })
    expect(() => parseAppend(text)).toThrow('runs.0.events.0.age')
    expect(() => parseAppend(withRun({ events: [FIRST, { ...SECOND, seq: 9 }] }))).toThrow('seq 9 after 5')
  })
})
