import { createParser } from 'eventsource-parser'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { validateEventType } from '../../src/wire/names.ts'
import {
  eventFrame,
  type Frame,
  gapFrame,
  gapPreambleFrame,
  positionFrame,
  preambleFrame,
  retryFrame,
} from '../../src/wire/sse-frame.ts'
import { asReceived, HOSTILE_MESSAGES, oddMessage, seededRandom } from '../support/messages.ts'
import { check } from '../support/property.ts'

/** Events that a client parses from these bytes, however the network splits them, by `eventsource-parser`. */
function received(text: string, cuts: readonly number[] = []) {
  const bytes = new TextEncoder().encode(text)
  const events: { event: string | undefined; id: string | undefined; data: string }[] = []
  const odd: unknown[] = []
  const retries: number[] = []
  const decoder = new TextDecoder()
  const parser = createParser({
    onEvent: ({ event, id, data }) => events.push({ event, id, data }),
    onRetry: (ms) => retries.push(ms),
    onComment: (comment) => odd.push({ comment }),
    onError: (error) => odd.push(error),
  })
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  let from = 0
  for (const to of ends) {
    parser.feed(decoder.decode(bytes.subarray(from, to), { stream: true }))
    from = to
  }
  return { events, odd, retries }
}

const odd = fc
  .tuple(fc.nat(), fc.nat({ max: 2_000 }))
  .map(([seed, length]) => oddMessage(seededRandom(seed), length))
const message = fc
  .oneof(fc.constantFrom(...HOSTILE_MESSAGES), odd, fc.string({ unit: 'binary', maxLength: 300 }))
  .filter((text) => text !== '')
const eventType = fc
  .oneof(fc.constantFrom(' spaced ', 'a:b', 'data', 'é✓', '\uFEFF'), fc.string({ unit: 'binary' }))
  .filter((type) => validateEventType(type) === undefined)
const id = fc.stringMatching(/^[!-~]{1,80}$/)
const optional = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined })
const frame: fc.Arbitrary<Frame> = fc.record({
  id: optional(id),
  event: optional(eventType),
  msg: message,
})
/** The event that its client must receive. */
const asSeen = ({ id, event, msg }: Frame) => ({ id, event: event?.toWellFormed(), data: asReceived(msg) })
const cuts = fc.array(fc.nat(), { maxLength: 20 })

describe('a frame, as a client reads it', () => {
  it('has the sent text, up to line breaks, wherever the network splits it', () => {
    const frames = fc.array(frame, { minLength: 1, maxLength: 8 })
    check(
      fc.record({ frames, at: cuts }),
      ({ frames, at }) => {
        const { events, odd } = received(frames.map(eventFrame).join(''), at)
        expect(odd).toEqual([])
        expect(events).toEqual(frames.map(asSeen))
      },
      {
        numRuns: 500,
        examples: HOSTILE_MESSAGES.map((msg) => ({
          frames: [{ id: 'a1', event: 'order', msg }, { msg: 'next' }],
          at: [3, 17],
        })),
      },
    )
  })

  it('ends every line with LF alone', () => {
    check(
      message,
      (msg) => {
        expect(eventFrame({ msg })).not.toContain('\r')
      },
      { examples: HOSTILE_MESSAGES },
    )
  })

  it('is parsed correctly among the frames of the server', () => {
    check(
      fc.record({ one: frame, position: id, at: cuts }),
      ({ one, position, at }) => {
        const text = [
          preambleFrame(position, 2_000, 'id'),
          eventFrame(one),
          gapPreambleFrame(position, 3_000, 'id', 'peer-loss'),
          eventFrame(one),
          positionFrame(undefined),
          retryFrame(1_234, 'max-age'),
        ].join('')
        const { events, odd, retries } = received(text, at)
        expect([odd, retries]).toEqual([[], [2_000, 3_000, 1_234]])
        expect(events).toEqual([
          { id: position, event: 'sser-position', data: '{"resumed":true}' },
          asSeen(one),
          { id: position, event: 'sser-gap', data: '{"reason":"peer-loss"}' },
          asSeen(one),
          { id: undefined, event: 'sser-position', data: '{}' },
          { id: undefined, event: 'sser-retry', data: '{"reason":"max-age"}' },
        ])
      },
      { numRuns: 200 },
    )
  })

  it('clears the id with a gap without an id', () => {
    expect(received(gapFrame(undefined, 'slow-client'))).toEqual({
      events: [{ id: '', event: 'sser-gap', data: '{"reason":"slow-client"}' }],
      odd: [],
      retries: [],
    })
  })

  it('has the bytes of a Go Pod for one line without an id', () => {
    expect(eventFrame({ msg: 'm0' })).toBe('data: m0\n\n')
  })
})

describe('each block', () => {
  const frames = () => [
    eventFrame({ id: 'a1', event: 'order', msg: 'x\ny' }),
    eventFrame({ id: 'a1', msg: 'x' }),
    positionFrame('a1'),
    preambleFrame('a1', 2_000, 'now'),
    positionFrame(undefined),
    preambleFrame(undefined, 2_000, 'oldest'),
    gapFrame('a1', 'peer-loss'),
    gapPreambleFrame('a1', 2_000, 'oldest', 'peer-loss'),
    gapPreambleFrame('a1', 2_000, 'oldest', 'peer-loss', 5_000),
    preambleFrame('a1', 2_000, 'id', 5_000),
    gapPreambleFrame(undefined, 2_000, 'now', 'slow-client'),
    retryFrame(2_000, 'draining'),
    retryFrame(undefined, 'pipelined'),
  ]

  it('has its id, if any, as the last field', () => {
    for (const frame of frames()) {
      const fields = frame
        .trimEnd()
        .split('\n')
        .map((line) => line.split(':')[0])
      expect([-1, fields.length - 1], frame).toContain(fields.indexOf('id'))
    }
  })

  it('has data, and an event type if the server creates it', () => {
    for (const frame of frames()) {
      expect(frame.match(/\n\n/g), frame).toHaveLength(1)
      expect(frame, frame).toMatch(/^data: ./m)
    }
    for (const frame of frames().slice(2)) expect(frame).toMatch(/^event: sser-/)
  })
})
