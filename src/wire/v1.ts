/** The Go package's peer wire: one event per POST, without an id. It is fixed. */
import * as v from 'valibot'
import { SserError } from '../errors.ts'
import { validatePeerStreamName } from './names.ts'

/** Path on the internal port that accepts one event by POST. */
export const PEER_ENDPOINT_URL_PATH = '/api/json/v1/send'
/** The query parameter that names the stream. */
export const QUERY_PARAMETER_NAME = 'stream'

/** Message of a Go Pod. */
export interface V1Event {
  stream: string
  msg: string
}

const schema = v.object({
  stream: v.string(),
  msg: v.pipe(v.string(), v.nonEmpty()),
  sseLines: v.optional(v.boolean()),
})

/** @see https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream */
const LINE_BREAK = /\r\n|\r|\n/g

/**
 * A v1 body. A Go Pod writes `data: `, the message as it is, and a line feed; a message that begins with a colon it writes
 * without `data: `. So a line break goes as one that begins a further `data:` line, and a leading colon as a comment and
 * such a line. `sseLines` marks such a body: a Go Pod ignores it, and {@link parseV1} restores the message.
 */
export function encodeV1({ stream, msg }: V1Event): string {
  const isComment = msg.startsWith(':')
  if (!isComment && !/[\r\n]/.test(msg)) return JSON.stringify({ stream, msg })
  const lines = msg.replace(LINE_BREAK, '\ndata: ')
  return JSON.stringify({ stream, msg: isComment ? `:\ndata: ${lines}` : lines, sseLines: true })
}

/** Reads a v1 body; throws `invalid-peer-message` where a Go Pod would have sent nothing of the kind. */
export function parseV1(body: string): V1Event {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    // The parser's own error quotes the body as it is.
    throw new SserError('invalid-peer-message', 'invalid JSON')
  }
  const event = v.safeParse(schema, value)
  if (!event.success) throw new SserError('invalid-peer-message', 'invalid JSON')
  const fault = validatePeerStreamName(event.output.stream)
  if (fault !== undefined) throw fault
  const { stream, sseLines } = event.output
  const msg = sseLines === true ? messageOf(event.output.msg) : event.output.msg
  if (msg === '') throw new SserError('invalid-peer-message', 'invalid JSON')
  return { stream, msg: msg.toWellFormed() }
}

/** The message in the `data:` lines that {@link encodeV1} wrote. */
function messageOf(lines: string): string {
  const [first = '', ...rest] = lines.split('\n')
  const further = rest.map((line) => line.replace(/^data: /, ''))
  return (first === ':' ? further : [first, ...further]).join('\n')
}
