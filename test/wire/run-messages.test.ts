import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeMessage, parseExchangeMessage } from '../../src/wire/exchange-message.ts'
import {
  encodeRunLogs,
  encodeRunsAnswer,
  encodeRunsRequest,
  MAX_ASKED,
  parseRunsAnswer,
  parseRunsRequest,
  type RunLogs,
  type RunPart,
  type RunSummary,
} from '../../src/wire/run-messages.ts'
import { HOSTILE_MESSAGES } from '../support/messages.ts'
import { check } from '../support/property.ts'

const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })
const epoch = fc.stringMatching(/^[1-9A-Za-z]{5}$/)
const id = fc.tuple(epoch, fc.integer({ min: 1 })).map(([of, seq]) => `${of}:${seq}`)
const name = fc.constantFrom('chat:42', 'é😀')
const chunk = fc.oneof(
  fc.constantFrom(...HOSTILE_MESSAGES.filter((text) => text !== '')),
  fc.string({ unit: 'binary', minLength: 1 }),
)
const endAt = (chunks: number) =>
  fc.record({
    state: fc.constantFrom('ended' as const, 'failed' as const, 'cancelled' as const),
    reason: optional(fc.string({ maxLength: 200 })),
    chunks: fc.constant(chunks),
  })
const part: fc.Arbitrary<RunPart> = fc
  .record({ id, from: fc.nat(), chunks: fc.array(chunk, { maxLength: 5 }), floor: optional(fc.boolean()) })
  .chain((rest) => optional(endAt(rest.from + rest.chunks.length)).map((end) => ({ ...rest, end })))
const want = fc.tuple(id, fc.nat())
const section: fc.Arbitrary<RunLogs> = fc.record({
  want: fc.array(want, { maxLength: 4 }),
  unwant: fc.array(id, { maxLength: 4 }),
  held: fc.array(id, { maxLength: 4 }),
  read: fc.array(id, { maxLength: 4 }),
  parts: fc.array(part, { maxLength: 4 }),
  leaving: fc.boolean(),
})
const summary: fc.Arbitrary<RunSummary> = fc
  .record({
    id,
    name,
    replaces: optional(id),
    age: fc.nat(),
    silence: optional(fc.nat()),
    goneAge: optional(fc.nat()),
    first: fc.nat(),
    held: fc.nat(),
  })
  .chain(({ held, ...rest }) => {
    const next = rest.first + held
    const end = fc.record({ end: endAt(next + 1), endAge: fc.nat() })
    return optional(end).map((ended) => ({ ...rest, next, ...ended }))
  })

/** As JSON carries it: without undefined fields. */
const plain = (value: unknown) => JSON.parse(JSON.stringify(value))

const GOOD_PART = { id: 'aaaaa:1', from: 3, chunks: ['x', 'y'] }
const END = { state: 'ended', chunks: 5 }
const GOOD_RUN = { id: 'aaaaa:1', name: 'chat', age: 1, first: 0, next: 2 }

describe('the section of an exchange', () => {
  it('reads back as it was printed', () => {
    check(section, (sent) => {
      const text = encodeMessage({ at: 0, fields: '', runs: undefined, runLogs: encodeRunLogs(sent) ?? '{}' })
      expect(plain(parseExchangeMessage(text).runLogs)).toEqual(plain(sent))
    })
  })

  it('is none without contents', () => {
    expect(
      encodeRunLogs({ want: [], unwant: [], held: [], read: [], parts: [], leaving: false }),
    ).toBeUndefined()
  })

  it.each<[string, unknown]>([
    ['false', false],
    ['a list', []],
    ['null', null],
    ['a want without an index', { want: [['aaaaa:1']] }],
    ['a want of a negative index', { want: [['aaaaa:1', -1]] }],
    ['a want of no run', { want: [['aaaaa', 0]] }],
    ['a want of the seq 0', { want: [['aaaaa:0', 0]] }],
    ['too many wants', { want: Array.from({ length: 65_537 }, (_, i) => [`aaaaa:${i + 1}`, 0]) }],
    ['an unwant of no run', { unwant: [7] }],
    ['a held run that is none', { held: [7] }],
    ['a read run that is none', { read: [''] }],
    ['parts that are no list', { parts: {} }],
    ['a part that is null', { parts: [null] }],
    ['a part of no run', { parts: [{ ...GOOD_PART, id: '' }] }],
    ['a part without an index', { parts: [{ ...GOOD_PART, from: undefined }] }],
    ['a part beyond all numbers', { parts: [{ ...GOOD_PART, from: Number.MAX_SAFE_INTEGER }] }],
    ['an empty chunk', { parts: [{ ...GOOD_PART, chunks: [''] }] }],
    ['a chunk that is no text', { parts: [{ ...GOOD_PART, chunks: [1] }] }],
    ['a floor that is no boolean', { parts: [{ ...GOOD_PART, floor: 1 }] }],
    ['an end of no known state', { parts: [{ ...GOOD_PART, end: { ...END, state: 'lost' } }] }],
    ['an end with a long reason', { parts: [{ ...GOOD_PART, end: { ...END, reason: 'x'.repeat(201) } }] }],
    ['chunks after the end', { parts: [{ ...GOOD_PART, end: { ...END, chunks: 4 } }] }],
    ['a leaving that is no boolean', { leaving: 1 }],
  ])('is refused as %s', (_, runLogs) => {
    expect(() => parseExchangeMessage(JSON.stringify({ at: 0, runLogs }))).toThrow('Invalid append')
  })

  it('loses fields that this version does not know', () => {
    const runLogs = { parts: [{ ...GOOD_PART, end: { ...END, more: 1 }, more: 1 }], more: 1 }
    const read = parseExchangeMessage(JSON.stringify({ at: 0, runLogs })).runLogs
    expect(plain(read)).toEqual({
      want: [],
      unwant: [],
      held: [],
      read: [],
      parts: [{ ...GOOD_PART, end: END }],
      leaving: false,
    })
  })
})

describe('a request for runs', () => {
  it('reads back as it was printed', () => {
    const request = fc.record({
      epoch,
      names: fc.array(name),
      ids: fc.array(id),
      after: fc.oneof(fc.constantFrom('', undefined), id),
      want: fc.array(want),
      cancel: optional(id),
      leaving: fc.boolean(),
    })
    check(request, (sent) => expect(plain(parseRunsRequest(encodeRunsRequest(sent)))).toEqual(plain(sent)))
  })

  it.each<[string, object]>([
    ['another version', { v: 3 }],
    ['no epoch', { epoch: undefined }],
    ['a name with a line feed', { names: ['a\nb'] }],
    ['too many names', { names: Array.from({ length: MAX_ASKED + 1 }, (_, i) => `${i}`) }],
    ['an id that is none', { ids: ['x'] }],
    ['too many ids', { ids: Array.from({ length: MAX_ASKED + 1 }, (_, i) => `aaaaa:${i + 1}`) }],
    ['an after that is no id', { after: 'x' }],
    ['a cancellation of no run', { cancel: '' }],
    ['a leaving that is no boolean', { leaving: 1 }],
  ])('is refused with %s', (_, fields) => {
    const body = JSON.stringify({ v: 2, epoch: 'aaaaa', ...fields })
    expect(() => parseRunsRequest(body)).toThrow('Invalid append')
  })

  it('is refused where it is not JSON', () => {
    expect(() => parseRunsRequest('{')).toThrow('not JSON')
  })
})

describe('an answer about runs', () => {
  it('reads back as it was printed', () => {
    const answer = fc.record({
      epoch,
      runs: fc.array(summary, { maxLength: 5 }),
      parts: fc.array(part, { maxLength: 5 }),
      cancel: fc.constantFrom('cancelled' as const, 'not-running' as const, undefined),
    })
    check(answer, (sent) => expect(plain(parseRunsAnswer(encodeRunsAnswer(sent)))).toEqual(plain(sent)))
  })

  it.each<[string, object]>([
    ['a run without a name', { runs: [{ ...GOOD_RUN, name: '' }] }],
    ['a run that replaces nothing', { runs: [{ ...GOOD_RUN, replaces: '' }] }],
    ['a run without an age', { runs: [{ ...GOOD_RUN, age: -1 }] }],
    ['an end without an age', { runs: [{ ...GOOD_RUN, end: END }] }],
    ['an age without an end', { runs: [{ ...GOOD_RUN, endAge: 1 }] }],
    ['a negative time since the Pod has gone', { runs: [{ ...GOOD_RUN, goneAge: -1 }] }],
    ['a negative silence', { runs: [{ ...GOOD_RUN, silence: -1 }] }],
    ['more chunks than the run has', { runs: [{ ...GOOD_RUN, next: 6, end: END, endAge: 0 }] }],
    ['chunks that end before they begin', { runs: [{ ...GOOD_RUN, first: 3 }] }],
    ['an unknown answer to a cancellation', { cancel: 'maybe' }],
  ])('is refused with %s', (_, fields) => {
    expect(() => parseRunsAnswer(JSON.stringify({ v: 2, epoch: 'aaaaa', ...fields }))).toThrow(
      'Invalid append',
    )
  })
})
