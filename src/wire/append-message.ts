/** The peer wire between Pods of this package: one shape for a request and for its answer. */
import * as v from 'valibot'
import { SserError } from '../errors.ts'
import { printable } from '../printable.ts'
import { validateEventType, validateIdempotencyKey, validatePeerStreamName, validateTag } from './names.ts'
import { isEpoch, isSeq, MAX_EPOCHS, type Position } from './position.ts'
import { checkRunHeader, type RunHeader } from './runs.ts'
import { normalizeTraceparent } from './traceparent.ts'

/** URL path on the internal port to which peers POST appends. */
export const APPEND_URL_PATH = '/api/json/v2/append'
/** URL path on the internal port at which peers open an exchange. An older Pod answers 404. */
export const EXCHANGE_URL_PATH = '/api/json/v2/exchange'
/** A sender stops filling a message here, in bytes before JSON's escapes. */
export const APPEND_TARGET_BYTES = 1_048_576
/**
 * A receiver refuses a longer body, and ends an exchange at a longer text: room for the largest message that options
 * allow, escaped six-fold.
 */
export const APPEND_MAX_BYTES: number = 8 * APPEND_TARGET_BYTES
/** Maximum length of a reported path to an error, in UTF-16 units, because the sender chooses the names in it. */
const MAX_FAULT_LENGTH = 200
/** Events or runs in one message. */
const MAX_ITEMS = 65_536

/** One entry on the wire; a disconnect, a header of a run and a no-op entry have no stream. `age` in milliseconds, as the sender sees it. */
export interface WireEvent {
  seq: number
  age: number
  stream?: string | undefined
  msg?: string | undefined
  event?: string | undefined
  key?: string | undefined
  /** Ends the connections on the stream, or with the tag. A version without this field reads a no-op entry. */
  disconnect?: { stream?: string | undefined; tag?: string | undefined } | undefined
  /** A header of a run. A version without this field, or without this kind of header, reads a no-op entry. */
  run?: RunHeader | undefined
  /** The sender's `traceparent`; an invalid value is ignored. */
  traceparent?: string | undefined
}

/**
 * Consecutive events of one epoch, from the one after `prev`; the receiver must hold the epoch up to `prev`. Messages
 * call these ranges `runs`.
 */
export interface EntryRange {
  epoch: string
  prev: number
  /** The sender's log does not reach further back than `prev`: the receiver may skip to it. */
  floor?: boolean | undefined
  /** Milliseconds since the epoch last advanced, as the sender sees it. */
  idle: number
  /**
   * Streams of which the sender's log has evicted events after `prev`, each with the seq of the last one. With it, seqs
   * may be missing from `events`, and are skipped. Only for a receiver that has said `sparse`, and in exchanges.
   */
  evicted?: readonly EvictedStream[] | undefined
  /** With `evicted`: the run ends here, although its last events may be missing. */
  to?: number | undefined
  events: readonly WireEvent[]
}

/** Events of `stream` up to `seq` were evicted; `age` of the last one in milliseconds, as the sender sees it. */
export interface EvictedStream {
  stream: string
  seq: number
  age: number
}

/** Last seq of a run. */
export function endOf({ prev, to, events }: EntryRange): number {
  return to ?? prev + events.length
}

/** A request or a response: the sender's epoch and position, and the events that the receiver lacks. */
export interface Append {
  epoch: string
  position: Position
  runs: readonly EntryRange[]
  /** The sender takes runs with `evicted`. */
  sparse?: boolean | undefined
  /** The sender knows runs. */
  runLogs?: boolean | undefined
  /** In a request: a new Pod asks for all that the answerer holds. */
  hydrate?: boolean | undefined
  /** In an answer: whether the answerer holds all that the fleet does, as far as it knows. */
  ready?: boolean | undefined
  /** In an answer to a new Pod: milliseconds since an event without epoch last came. */
  v1Age?: number | undefined
}

const epoch = v.pipe(v.string(), v.check(isEpoch))
const duration = v.pipe(v.number(), v.finite(), v.minValue(0))

const schema = v.object({
  v: v.literal(2),
  epoch,
  // These two are checked below: a schema for each part would take longer than to read them.
  position: v.unknown(),
  sparse: v.optional(v.boolean()),
  runLogs: v.optional(v.boolean()),
  hydrate: v.optional(v.boolean()),
  ready: v.optional(v.boolean()),
  v1Age: v.optional(duration),
  runs: v.unknown(),
})

export function encodeAppend(message: Append): string {
  return JSON.stringify({ v: 2, ...message, position: Object.fromEntries(message.position) })
}

/** Reads a v2 body; throws `invalid-peer-message`, naming the first fault. */
export function parseAppend(body: string): Append {
  const parsed = v.safeParse(schema, parseJson(body, 'body'), { abortEarly: true })
  if (!parsed.success) {
    const path = v.getDotPath(parsed.issues[0]) ?? 'the body'
    throw invalid(` at ${path}`)
  }
  const { v: _, position, ...message } = parsed.output
  return { ...message, position: checkSeqs(position, 'position'), runs: checkRanges(message.runs) }
}

/** Parses what a peer has sent. @throws SserError `invalid-peer-message` */
export function parseJson(text: string, noun: 'body' | 'message'): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The parser's own error quotes the text as it is.
    throw new SserError('invalid-peer-message', `The ${noun} is not JSON`)
  }
}

/** Returns seqs by epoch. @throws SserError `invalid-peer-message` */
export function checkSeqs(value: unknown, field: string): Position {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(` at ${field}`)
  const entries = Object.entries(value)
  if (entries.length > MAX_EPOCHS) throw invalid(` at ${field}`)
  const checked = new Map<string, number>()
  for (const [epoch, seq] of entries) {
    if (!isEpoch(epoch) || !isSeq(seq)) throw invalid(` at ${field}.${epoch}`)
    checked.set(epoch, seq)
  }
  return checked
}

/** Returns the runs of a message without unknown fields. @throws SserError `invalid-peer-message` */
export function checkRanges(value: unknown): EntryRange[] {
  if (!Array.isArray(value) || value.length > MAX_ITEMS) throw invalid(' at runs')
  return value.map(checkRange)
}

function checkRange(value: unknown, index: number): EntryRange {
  if (typeof value !== 'object' || value === null) throw invalid(` at runs.${index}`)
  const { epoch, prev, floor, idle, evicted, to, events } = value as EntryRange
  if (typeof epoch !== 'string' || !isEpoch(epoch)) throw invalid(` at runs.${index}.epoch`)
  if (!isSeq(prev)) throw invalid(` at runs.${index}.prev`)
  if (floor !== undefined && typeof floor !== 'boolean') throw invalid(` at runs.${index}.floor`)
  if (!isDuration(idle)) throw invalid(` at runs.${index}.idle`)
  if (!Array.isArray(events) || events.length > MAX_ITEMS) throw invalid(` at runs.${index}.events`)
  if (evicted === undefined)
    return { epoch, prev, floor, idle, events: checkEvents(prev, events, index, false) }
  if (!Array.isArray(evicted) || evicted.length > MAX_ITEMS) throw invalid(` at runs.${index}.evicted`)
  const checked = checkEvents(prev, events, index, true)
  if (!isSeq(to) || to < (checked.at(-1)?.seq ?? prev)) throw invalid(` at runs.${index}.to`)
  return {
    epoch,
    prev,
    floor,
    idle,
    evicted: evicted.map((one) => checkEvicted(one, index)),
    to,
    events: checked,
  }
}

function checkEvicted(value: unknown, index: number): EvictedStream {
  const { stream, seq, age } = (value ?? {}) as EvictedStream
  if (!isText(stream, validatePeerStreamName) || !isSeq(seq) || !isDuration(age))
    throw invalid(` at runs.${index}.evicted`)
  return { stream, seq, age }
}

/** Returns whether `value` is a duration in milliseconds. */
export function isDuration(value: unknown): value is number {
  return Number.isFinite(value) && (value as number) >= 0
}

/**
 * Returns the events of a run without unknown fields; throws unless each is well formed and follows the previous one.
 */
function checkEvents(
  prev: number,
  events: readonly unknown[],
  index: number,
  isSparse: boolean,
): WireEvent[] {
  let last = prev
  /** Stream of the previous event, because most events have the same one. */
  let checked: string | undefined
  return events.map((value, i) => {
    if (typeof value !== 'object' || value === null) throw invalid(` at runs.${index}.events.${i}`)
    const { seq, age, stream, msg, event, key, traceparent, disconnect, run } = value as WireEvent
    const field = faultyField(value as WireEvent, checked)
    if (field !== undefined) throw invalid(` at runs.${index}.events.${i}.${field}`)
    if (isSparse ? seq <= last : seq !== last + 1) throw invalid(`: seq ${seq} after ${last}`)
    if (stream !== undefined && (msg === undefined || msg === '')) throw invalid(`: seq ${seq} has no msg`)
    last = seq
    checked = stream
    if (stream === undefined && disconnect !== undefined)
      return { seq, age, disconnect: { stream: disconnect.stream, tag: disconnect.tag } }
    if (stream === undefined && run !== undefined) return { seq, age, run: checkRunHeader(run) }
    const trace = traceparent === undefined ? undefined : normalizeTraceparent(traceparent)
    return { seq, age, stream, msg, event, key, traceparent: trace }
  })
}

/** Returns the name of the first invalid field. Skips the stream if it equals `checked`. */
function faultyField(
  { seq, age, stream, msg, event, key, disconnect, run }: WireEvent,
  checked: string | undefined,
): keyof WireEvent | undefined {
  if (!isSeq(seq)) return 'seq'
  if (!isDuration(age)) return 'age'
  if (stream !== checked && stream !== undefined && !isText(stream, validatePeerStreamName)) return 'stream'
  if (msg !== undefined && typeof msg !== 'string') return 'msg'
  if (event !== undefined && !isText(event, validateEventType)) return 'event'
  if (key !== undefined && !isText(key, validateIdempotencyKey)) return 'key'
  if (disconnect !== undefined && !isSelection(disconnect)) return 'disconnect'
  if (run !== undefined && (typeof run !== 'object' || run === null)) return 'run'
  return undefined
}

function isSelection(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { stream, tag } = value as { stream?: unknown; tag?: unknown }
  if (stream === undefined && tag === undefined) return false
  return (
    (stream === undefined || isText(stream, validatePeerStreamName)) &&
    (tag === undefined || isText(tag, validateTag))
  )
}

function isText(value: unknown, fault: (text: string) => SserError | undefined): boolean {
  return typeof value === 'string' && fault(value) === undefined
}

/** Error of an invalid message; `what` names its first fault. */
export function invalid(what: string): SserError {
  return new SserError('invalid-peer-message', `Invalid append${printable(what.slice(0, MAX_FAULT_LENGTH))}`)
}
