/**
 * Formats server-sent event blocks as text; callers concatenate blocks and encode them once.
 *
 * Every block has data, and every block of the server's own has an event type, because several client libraries turn a
 * block without them, such as a lone `retry:` or a comment, into an unnamed message with empty data. `id:` is the last
 * field, because several clients store the id as soon as its line arrives: after a connection that breaks inside a
 * block, they must not have the id of an event without its data.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
import { SserError, type SserErrorCode } from '../errors.ts'

const LINE_BREAK = /\r\n|\r|\n/

/** An event as a client receives it. The caller guarantees that `event` and `id` have no line breaks. */
export interface Frame {
  id?: string | undefined
  event?: string | undefined
  msg: string
}

/** Formats an event: every line of the message becomes a `data:` line of its own. */
export function eventFrame({ id, event, msg }: Frame): string {
  let text = event === undefined ? '' : `event: ${event}\n`
  // Most messages are one line, and splitting them would cost more than the rest of the frame.
  if (!msg.includes('\n') && !msg.includes('\r')) text += `data: ${msg}\n`
  else for (const line of msg.split(LINE_BREAK)) text += `data: ${line}\n`
  return id === undefined ? `${text}\n` : `${text}id: ${id}\n\n`
}

/**
 * Moves the client's last event id without an event that an `onmessage` handler would see. The block has data, because
 * Firefox ignores the id of a block without a `data:` line. With `resume: false` the block has no id, and only keeps
 * the response open.
 */
export function positionFrame(id: string | undefined): string {
  return block('sser-position', '{}', undefined, id)
}

/** Where a connection begins: at the client's `Last-Event-ID`, at the oldest event of the log, or at its end. */
export type StartPoint = 'id' | 'oldest' | 'now'

/** Heartbeat that a client expects where the first block names none, in milliseconds. */
export const DEFAULT_HEARTBEAT_MS = 15_000

/**
 * The first block of a connection without a gap. `retryMs`: reconnection time of the client, in milliseconds. `resumed`
 * tells whether the request had a `Last-Event-ID`. A client that reconnects and reads `false` detects by it that a proxy
 * drops the header, which looks like a new client to the server. A client detects a half-open connection by `heartbeatMs`.
 */
export function preambleFrame(
  id: string | undefined,
  retryMs: number,
  start: StartPoint,
  heartbeatMs: number = DEFAULT_HEARTBEAT_MS,
): string {
  const data = `{"resumed":${start === 'id'}${preambleFields(start, heartbeatMs)}}`
  return block('sser-position', data, retryMs, id)
}

/** The first block of a connection with a gap. */
export function gapPreambleFrame(
  id: string | undefined,
  retryMs: number,
  start: StartPoint,
  reason: GapReason,
  heartbeatMs: number = DEFAULT_HEARTBEAT_MS,
): string {
  const data = `{"reason":"${reason}"${preambleFields(start, heartbeatMs)}}`
  return block('sser-gap', data, retryMs, id ?? '')
}

function preambleFields(start: StartPoint, heartbeatMs: number): string {
  const from = start === 'oldest' ? ',"from":"oldest"' : ''
  return heartbeatMs === DEFAULT_HEARTBEAT_MS ? from : `${from},"heartbeatMs":${heartbeatMs}`
}

/**
 * Reason why a response ends, or has no connection. `disconnected`: `disconnect()`. `expired`: `expiresAt` of the grant.
 * `max-age`: `maxConnectionAgeMs`. `draining`: the Pod stops. `not-ready`: the Pod is not ready yet. `paused`: the process
 * of the Pod paused for so long that its connections begin anew. `pipelined`: the request came before the response to an
 * earlier one had ended. Otherwise the code of the error.
 */
export type RetryReason =
  | SserErrorCode
  | 'disconnected'
  | 'expired'
  | 'max-age'
  | 'draining'
  | 'not-ready'
  | 'paused'
  | 'pipelined'

/**
 * The last block of a response that the server ends, and the only block of a response without a connection. It has no id, so
 * the client keeps its own.
 */
export function retryFrame(ms: number | undefined, reason: RetryReason): string {
  return block('sser-retry', `{"reason":"${reason}"}`, ms, undefined)
}

/**
 * Reason why a client may have missed events. `trimmed`: the log has evicted entries after its id. `peer-loss`: events of
 * a peer did not arrive here, also because the peer and this Pod reject each other's requests. `slow-client`: the log
 * evicted entries before the client read them. `unknown-id`: its id names no known epoch. `legacy-peer`: a Go Pod sent
 * events, which have no ids. `invalid-id`: `sser` did not create its id. `superseded`: another Pod had started a run of the
 * same name, which is read in place of this one.
 */
export type GapReason =
  | 'trimmed'
  | 'peer-loss'
  | 'slow-client'
  | 'unknown-id'
  | 'legacy-peer'
  | 'invalid-id'
  | 'superseded'

/** Notifies the client that it may have missed events; it continues from `id`, or without an id. */
export function gapFrame(id: string | undefined, reason: GapReason): string {
  return block('sser-gap', `{"reason":"${reason}"}`, undefined, id ?? '')
}

/** The data is JSON and never empty because applications pass the data of every block to `JSON.parse()`. */
export function block(event: string, data: string, retryMs?: number, id?: string): string {
  const retry = retryMs === undefined ? '' : `retry: ${retryMs}\n`
  return `event: ${event}\n${retry}data: ${data}\n${id === undefined ? '' : `id: ${id}\n`}\n`
}

/** How a client learns the stream of an event: as the event's type where `send()` gave none, or as a field `stream:`. */
export type Label = 'event' | 'field'

/**
 * `plain`: `data:` lines have messages of the app alone. The server's own blocks are comments, because some readers parse
 * every `data:` as JSON of the app.
 */
export type Dialect = 'standard' | 'plain'

/** How the frames of a connection are written. There is one object for each combination, so that connections share chunks. */
export interface FrameFormat {
  /** Different for each format; a prefix of no stream name, because it is empty or begins with a control character. */
  readonly key: string
  readonly isPlain: boolean
  /** The frame of an event, from its frame in the {@link STANDARD} format. */
  event(frame: string, stream: string, type: string | undefined): string
  /** A block of the server's own, from the block in the {@link STANDARD} format. */
  own(block: string): string
}

const OWN_BLOCK = /^event: (.*)\n(retry: .*\n)?data: (.*)\n/

/**
 * The comment `: NAME DATA` in place of an event, without a blank line: several client libraries turn a comment before a
 * blank line into a message without data. `id:` and `retry:` have an effect without it.
 */
function asComment(block: string): string {
  return block.replace(OWN_BLOCK, ': $1 $3\n$2').slice(0, -1)
}

const LABELS: Record<Label, FrameFormat['event']> = {
  event: (frame, stream, type) => (type === undefined ? `event: ${stream}\n${frame}` : frame),
  field: (frame, stream) => `stream: ${stream}\n${frame}`,
}

function format(dialect: Dialect, label: Label | undefined): FrameFormat {
  const isPlain = dialect === 'plain'
  return {
    key: isPlain || label !== undefined ? `\u0001${dialect} ${label}\n` : '',
    isPlain,
    event: label === undefined ? (frame) => frame : LABELS[label],
    own: isPlain ? asComment : (block) => block,
  }
}

/** The format of a connection that asks for no other. */
export const STANDARD: FrameFormat = /* @__PURE__ */ format('standard', undefined)

/** Marked as pure, because the client's bundles take a constant of this file, and leave the formats out. */
const FORMATS: Record<Dialect, Record<Label | 'none', FrameFormat>> = {
  standard: {
    none: STANDARD,
    event: /* @__PURE__ */ format('standard', 'event'),
    field: /* @__PURE__ */ format('standard', 'field'),
  },
  plain: {
    none: /* @__PURE__ */ format('plain', undefined),
    event: /* @__PURE__ */ format('plain', 'event'),
    field: /* @__PURE__ */ format('plain', 'field'),
  },
}

/** The format of a dialect and a label. */
export function frameFormat(dialect: Dialect, label?: Label): FrameFormat {
  return FORMATS[dialect][label ?? 'none']
}

/** Types of the events that `EventSource` itself dispatches: a listener for them would receive both. */
const NATIVE_EVENTS: readonly string[] = ['error', 'open']

/** Returns the error where a connection with `label` cannot have one of `streams`. */
export function validateLabel(label: Label | undefined, streams: readonly string[]): SserError | undefined {
  if (label !== 'event') return undefined
  const name = streams.find((stream) => NATIVE_EVENTS.includes(stream) || stream.startsWith('sser-'))
  if (name === undefined) return undefined
  return new SserError(
    'invalid-parameter',
    `The parameter "label" of the URL: a stream named ${JSON.stringify(name)} cannot be the type of an event, because EventSource or this server has events of that name; use label=field, or another name`,
  )
}
