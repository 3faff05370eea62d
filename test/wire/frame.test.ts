import { createParser } from 'eventsource-parser'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { eventFrame, type Frame, gapFrame, positionFrame, retryFrame } from '../../src/wire/frame.ts'
import { eventTypeFault } from '../../src/wire/names.ts'
import { asReceived, HOSTILE_MESSAGES, oddMessage, seededRandom } from '../fixtures/messages.ts'
import { check } from '../fixtures/property.ts'

/** What a client sees of these bytes, however the network cuts them; `eventsource-parser` is the judge. */
function received(text: string, cuts: readonly number[] = []) {
  const bytes = new TextEncoder().encode(text)
  const events: { event: string | undefined; id: string | undefined; data: string }[] = []
  const odd: unknown[] = []
  const decoder = new TextDecoder()
  const parser = createParser({
    onEvent: ({ event, id, data }) => events.push({ event, id, data }),
    onRetry: (ms) => odd.push({ retry: ms }),
    onComment: (comment) => odd.push({ comment }),
    onError: (error) => odd.push(error),
  })
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  let from = 0
  for (const to of ends) {
    parser.feed(decoder.decode(bytes.subarray(from, to), { stream: true }))
    from = to
  }
  return { events, odd }
}

const odd = fc
  .tuple(fc.nat(), fc.nat({ max: 2_000 }))
  .map(([seed, length]) => oddMessage(seededRandom(seed), length))
const message = fc
  .oneof(fc.constantFrom(...HOSTILE_MESSAGES), odd, fc.string({ unit: 'binary', maxLength: 300 }))
  .filter((text) => text !== '')
const eventType = fc
  .oneof(fc.constantFrom(' spaced ', 'a:b', 'data', 'é✓', '\uFEFF'), fc.string({ unit: 'binary' }))
  .filter((type) => eventTypeFault(type) === undefined)
const id = fc.stringMatching(/^[!-~]{1,80}$/)
const optional = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined })
const frame: fc.Arbitrary<Frame> = fc.record({
  id: optional(id),
  event: optional(eventType),
  msg: message,
})
/** What its client must get. */
const asSeen = ({ id, event, msg }: Frame) => ({ id, event: event?.toWellFormed(), data: asReceived(msg) })
const cuts = fc.array(fc.nat(), { maxLength: 20 })

describe('a frame, as a client reads it', () => {
  it('says what was sent, up to line breaks, and nothing else, wherever the network cuts it', () => {
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

  it('survives among the frames that Sser sends of itself', () => {
    check(
      fc.record({ one: frame, position: id, at: cuts }),
      ({ one, position, at }) => {
        const text = [
          retryFrame(2_000),
          positionFrame(position),
          eventFrame(one),
          gapFrame(position, 'hole'),
          eventFrame(one),
          positionFrame(undefined),
        ].join('')
        const { events, odd } = received(text, at)
        expect(odd).toEqual([{ retry: 2_000 }, { comment: '' }])
        expect(events).toEqual([
          { id: position, event: 'sser-position', data: '' },
          asSeen(one),
          { id: position, event: 'sser-gap', data: '{"reason":"hole"}' },
          asSeen(one),
        ])
      },
      { numRuns: 200 },
    )
  })

  it('takes the id away with a gap where there are none', () => {
    expect(received(gapFrame(undefined, 'stalled'))).toEqual({
      events: [{ id: '', event: 'sser-gap', data: '{"reason":"stalled"}' }],
      odd: [],
    })
  })

  it('is the bytes that a Go Pod writes, for one plain line', () => {
    expect(eventFrame({ id: '0', msg: 'm0' })).toBe('id: 0\ndata: m0\n\n')
  })
})
