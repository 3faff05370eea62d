import { SserError } from '../../../src/errors.ts'
import { type Append, encodeAppend, parseAppend } from '../../../src/wire/append-message.ts'
import { type Surface, textOf } from '../surface.ts'
import { APPEND, APPEND_WORDS } from '../words.ts'

/** The body of a Pod's request, or of its answer. */
export const v2: Surface<Append | undefined> = {
  name: 'v2',
  corpus: [
    JSON.stringify(APPEND),
    JSON.stringify(APPEND).replace('created', 'sser-gap'),
    JSON.stringify(APPEND).replace('created', 'x\ndata: forged'),
    '{"v":2,"epoch":"Zr7b0","position":{},"runs":[],"hydrate":true}',
  ],
  words: APPEND_WORDS,
  run(input) {
    try {
      return parseAppend(textOf(input))
    } catch (error) {
      if (error instanceof SserError) return undefined
      throw error
    }
  },
  invariant(message) {
    if (message === undefined) return undefined
    const printed = encodeAppend(message)
    if (encodeAppend(parseAppend(printed)) !== printed) return 'printed, it is another'
    for (const { prev, events } of message.runs) {
      if (events.some(({ seq }, i) => seq !== prev + 1 + i)) return 'a run with a gap'
      if (events.some(({ event = '' }) => /[\r\n\0]|^sser-/.test(event))) return 'an event type that forges'
    }
    return undefined
  },
}
