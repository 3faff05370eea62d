/** The peer wire between Pods of this package: one shape for a request and for its answer. */
import * as v from 'valibot'
import { SserError } from '../errors.ts'
import { eventTypeFault, keyFault, streamNameFault } from './names.ts'
import { isEpoch, type Position } from './position.ts'

/** Where a Pod takes appends by POST, on its internal port. */
export const APPEND_URL_PATH = '/api/json/v2/append'
/** A sender stops filling a message here, in bytes before JSON's escapes. */
export const APPEND_TARGET_BYTES = 1_048_576
/** A receiver refuses a longer body: room for the largest message that options allow, escaped six-fold. */
export const APPEND_MAX_BYTES: number = 8 * APPEND_TARGET_BYTES
/** Events or runs in one message. */
const MAX_ITEMS = 65_536

/** One event on the wire; a tick has no stream. `age` in milliseconds, as the sender sees it. */
export interface WireEvent {
  seq: number
  age: number
  stream?: string | undefined
  msg?: string | undefined
  event?: string | undefined
  key?: string | undefined
}

/** Consecutive events of one epoch, continuing what the receiver holds up to `prev`. */
export interface Run {
  epoch: string
  prev: number
  /** The sender's log does not reach further back than `prev`: the receiver may jump there. */
  floor?: boolean | undefined
  /** Milliseconds since the epoch last advanced, as the sender sees it. */
  idle: number
  events: readonly WireEvent[]
}

/** A request or an answer: who speaks, where it stands, and what the other lacks. */
export interface Append {
  epoch: string
  position: Position
  runs: readonly Run[]
  /** In a request: a new Pod asks for all that the answerer holds. */
  hydrate?: boolean | undefined
  /** In an answer: whether the answerer holds all that the fleet does, as far as it knows. */
  ready?: boolean | undefined
  /** In an answer to a new Pod: milliseconds since an event without epoch last came. */
  v1Age?: number | undefined
}

const epoch = v.pipe(v.string(), v.check(isEpoch))
const seq = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const duration = v.pipe(v.number(), v.finite(), v.minValue(0))

const schema = v.object({
  v: v.literal(2),
  epoch,
  position: v.record(epoch, seq),
  hydrate: v.optional(v.boolean()),
  ready: v.optional(v.boolean()),
  v1Age: v.optional(duration),
  runs: v.pipe(
    v.array(
      v.object({
        epoch,
        prev: seq,
        floor: v.optional(v.boolean()),
        idle: duration,
        events: v.pipe(
          v.array(
            v.object({
              seq,
              age: duration,
              stream: v.optional(
                v.pipe(
                  v.string(),
                  v.check((name) => streamNameFault(name) === undefined),
                ),
              ),
              msg: v.optional(v.string()),
              event: v.optional(
                v.pipe(
                  v.string(),
                  v.check((type) => eventTypeFault(type) === undefined),
                ),
              ),
              key: v.optional(
                v.pipe(
                  v.string(),
                  v.check((key) => keyFault(key) === undefined),
                ),
              ),
            }),
          ),
          v.maxLength(MAX_ITEMS),
        ),
      }),
    ),
    v.maxLength(MAX_ITEMS),
  ),
})

export function printAppend(message: Append): string {
  return JSON.stringify({ v: 2, ...message, position: Object.fromEntries(message.position) })
}

/** Reads a v2 body; throws `invalid-append`, naming the first fault. */
export function parseAppend(body: string): Append {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch (cause) {
    throw new SserError('invalid-append', 'The body is not JSON', { cause })
  }
  const parsed = v.safeParse(schema, value, { abortEarly: true })
  if (!parsed.success) {
    const path = v.getDotPath(parsed.issues[0]) ?? 'the body'
    throw new SserError('invalid-append', `Invalid append at ${path}`)
  }
  const { v: _, position, ...message } = parsed.output
  for (const run of message.runs) {
    let last = run.prev
    for (const event of run.events) {
      if (event.seq !== last + 1) {
        throw new SserError('invalid-append', `Invalid append: seq ${event.seq} after ${last}`)
      }
      if (event.stream !== undefined && (event.msg === undefined || event.msg === '')) {
        throw new SserError('invalid-append', `Invalid append: seq ${event.seq} has no msg`)
      }
      last = event.seq
    }
  }
  return { ...message, position: new Map(Object.entries(position)) }
}
