import { SserError } from '../../../src/errors.ts'
import {
  validateEventType,
  validateIdempotencyKey,
  validateMessage,
  validateStreamName,
} from '../../../src/wire/names.ts'
import { HOSTILE_MESSAGES } from '../../support/messages.ts'
import { Ledger, Listener } from '../listener.ts'
import { newIncarnation } from '../new-incarnation.ts'
import { fieldsOf, type Json, type Surface, textOf } from '../surface.ts'

const STREAMS = ['a', 'b']

/** Messages, event types and names as an application may send them; clients receive them live and by a resume. */
export const frames: Surface<string | undefined> = {
  name: 'frames',
  corpus: [
    HOSTILE_MESSAGES.map((msg) => ({ stream: 'a', msg })),
    [
      { stream: 'a', msg: 'plain', event: 'created', key: 'k1' },
      { stream: 'b', msg: 'data: x\n\nid: 7', event: ' :' },
      { stream: 'a', msg: 'again', event: 'created', key: 'k1' },
    ],
    [{ stream: 'b', msg: '\r\n\r', event: '\u2028data: x' }],
  ],
  words: [
    '\n\nevent: evil\ndata: x',
    '\rid: 7\r',
    'sser-gap',
    'sser-',
    'retry: 1',
    ':',
    'data',
    '\uFEFF',
    'event',
    'key',
  ],
  async run(input) {
    const { clock, incarnation } = await newIncarnation()
    const ledger = new Ledger()
    const listeners = [new Listener(incarnation, STREAMS), new Listener(incarnation, ['b'], { isSlow: true })]
    const first = (listeners[0] as Listener).lastEventId
    for (const sent of Array.isArray(input) ? input : [input]) {
      const content = contentOf(sent)
      if (content === undefined) continue
      ledger.add(content)
      incarnation.log.append(incarnation.log.epoch, content, clock.now(), clock.now())
    }
    await clock.advance(0)
    listeners.push(new Listener(incarnation, STREAMS, { id: first }))
    for (let turn = 0; turn < 3; turn += 1) {
      for (const listener of listeners) listener.pull()
      await clock.advance(1)
    }
    const heard = listeners.map(
      ({ events }) => events.filter(({ event }) => !event?.startsWith('sser-')).length,
    )
    incarnation.stop()
    const wrong = listeners.map((listener) => listener.wrong(ledger)).find((each) => each !== undefined)
    return wrong ?? (heard[0] === heard[2] ? undefined : `live ${heard[0]} events, resumed ${heard[2]}`)
  },
  invariant: (wrong) => wrong,
}

/** The content that `send()` accepts; undefined if it throws. */
function contentOf(sent: Json) {
  const { stream, msg, event, key } = fieldsOf(sent)
  const name = textOf(stream ?? '')
  const type = event === undefined ? undefined : textOf(event)
  const twin = key === undefined ? undefined : textOf(key)
  const fault =
    validateStreamName(name) ??
    validateMessage(msg as string, 60_000) ??
    (type === undefined ? undefined : validateEventType(type)) ??
    (twin === undefined ? undefined : validateIdempotencyKey(twin))
  if (fault instanceof SserError) return undefined
  return { stream: name, msg: (msg as string).toWellFormed(), event: type?.toWellFormed(), key: twin }
}
