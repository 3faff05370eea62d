import { SserError } from '../../../src/errors.ts'
import { encodeV1, parseV1, type V1Event } from '../../../src/wire/v1.ts'
import { type Surface, textOf } from '../surface.ts'

/** The body of a Go Pod's request. */
export const v1: Surface<V1Event | undefined> = {
  name: 'v1',
  corpus: [
    '{"stream":"orders","msg":"two coffees"}',
    '{"stream":"é😀","msg":"{\\"order\\":1}\\n","later":1}',
    '{"stream":"orders","msg":":\\ndata: :one\\ndata: two","sseLines":true}',
  ],
  words: ['stream', 'msg', '"msg":', '\\u0000', '\\r', '\\ud800', '__proto__'],
  run(input) {
    try {
      return parseV1(textOf(input))
    } catch (error) {
      if (error instanceof SserError) return undefined
      throw error
    }
  },
  invariant(event) {
    if (event === undefined) return undefined
    const again = parseV1(encodeV1(event))
    if (again.stream !== event.stream || again.msg !== withLineFeeds(event.msg))
      return 'printed, it is another'
    return event.msg !== '' && event.stream !== '' && !/[\r\n\0]/.test(event.stream)
      ? undefined
      : 'let through'
  },
}

/** A client gets each line break as a line feed, whichever Pod it is on. */
function withLineFeeds(msg: string): string {
  return msg.replace(/\r\n?/g, '\n')
}
