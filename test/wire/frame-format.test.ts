import { createParser } from 'eventsource-parser'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { validateEventType, validateStreamName } from '../../src/wire/names.ts'
import {
  type Dialect,
  eventFrame,
  frameFormat,
  gapFrame,
  gapPreambleFrame,
  type Label,
  positionFrame,
  preambleFrame,
  retryFrame,
} from '../../src/wire/sse-frame.ts'
import { asReceived, HOSTILE_MESSAGES } from '../support/messages.ts'
import { check } from '../support/property.ts'

const valid = (validate: (text: string) => unknown) =>
  fc.string({ unit: 'binary', maxLength: 60 }).filter((text) => text !== '' && validate(text) === undefined)
const event = fc.record({
  id: fc.stringMatching(/^[!-~]{1,40}$/),
  event: fc.option(valid(validateEventType), { nil: undefined }),
  msg: fc.constantFrom(...HOSTILE_MESSAGES.filter((text) => text !== '')),
})
const OWN = [
  preambleFrame('p1', 2_000, 'oldest'),
  gapPreambleFrame('p2', 2_000, 'id', 'trimmed'),
  gapFrame('p3', 'peer-loss'),
  positionFrame('p4'),
  positionFrame(undefined),
]

/** Everything that `eventsource-parser` reads from the frames. */
function received(text: string) {
  const events: unknown[] = []
  const fields: unknown[] = []
  const comments: string[] = []
  const parser = createParser({
    onEvent: ({ event, id, data }) => events.push({ event, id, data }),
    onError: ({ field, value }) => fields.push([field, value]),
    onComment: (comment) => comments.push(comment),
  })
  parser.feed(text.toWellFormed())
  return { events, fields, comments }
}

describe('an event in each format', () => {
  it.each([
    ['standard', undefined],
    ['standard', 'event'],
    ['standard', 'field'],
    ['plain', undefined],
    ['plain', 'event'],
    ['plain', 'field'],
  ] as [Dialect, Label | undefined][])('is parsed as it was sent: %s, label %s', (dialect, label) => {
    check(
      fc.record({ sent: event, stream: valid(validateStreamName), own: fc.constantFrom(...OWN) }),
      ({ sent, stream, own }) => {
        const format = frameFormat(dialect, label)
        const text =
          format.own(own) +
          format.event(eventFrame(sent), stream, sent.event) +
          format.own(retryFrame(5, 'draining'))
        const { events, fields, comments } = received(text)
        const type = sent.event ?? (label === 'event' ? stream : undefined)
        const isPlain = dialect === 'plain'
        expect(isPlain ? events : events.slice(1, -1)).toEqual([
          { event: type?.toWellFormed(), id: sent.id, data: asReceived(sent.msg) },
        ])
        expect(fields).toEqual(label === 'field' ? [['stream', stream]] : [])
        expect(comments).toHaveLength(isPlain ? 2 : 0)
      },
      { numRuns: 300 },
    )
  })
})

describe('the standard format', () => {
  it('leaves every frame as it is', () => {
    const format = frameFormat('standard')
    for (const own of OWN) expect(format.own(own)).toBe(own)
    expect(format.event('data: x\n\n', 'a', undefined)).toBe('data: x\n\n')
  })
})
