import { describeValue, SserError, suggestion } from '../errors.ts'
import {
  validateEventType,
  validateIdempotencyKey,
  validateMessage,
  validateStreamName,
} from '../wire/names.ts'

/** Maximum number of events in one request. */
const MAX_EVENTS = 1_000

/** One event of a request. */
export interface PublishedEvent {
  stream: string
  data: string
  event?: string | undefined
  idempotencyKey?: string | undefined
}

/** The events of a body up to its first error. */
export interface ParsedEvents {
  /** Each with its place in the body, counted from 1: its line, or its item in an array. */
  events: { place: number; event: PublishedEvent }[]
  error: { place: number; error: SserError } | undefined
}

const FIELDS = ['stream', 'data', 'event', 'idempotencyKey']
const EXAMPLE = '{"stream":"orders","data":"two coffees"}'

/** Reads NDJSON: one event on each line. Lines without one, such as the last, are skipped. */
export function parseLines(body: string, maxMessageBytes: number): ParsedEvents {
  const parsed: ParsedEvents = { events: [], error: undefined }
  let place = 0
  for (let start = 0; start < body.length; ) {
    const end = body.indexOf('\n', start)
    const line = body.slice(start, end === -1 ? undefined : end).trim()
    start = end === -1 ? body.length : end + 1
    place += 1
    if (line !== '' && !add(parsed, place, () => parseJson(line), maxMessageBytes)) return parsed
  }
  return parsed
}

/** Reads the events of a JSON array. */
export function parseItems(items: readonly unknown[], maxMessageBytes: number): ParsedEvents {
  const parsed: ParsedEvents = { events: [], error: undefined }
  for (const [i, item] of items.entries()) if (!add(parsed, i + 1, () => item, maxMessageBytes)) break
  return parsed
}

/** Returns false where the event is invalid. */
function add(parsed: ParsedEvents, place: number, read: () => unknown, maxMessageBytes: number): boolean {
  try {
    if (parsed.events.length === MAX_EVENTS)
      throw new SserError(
        'body-too-large',
        `A request has at most ${MAX_EVENTS} events: send the rest in another one`,
      )
    parsed.events.push({ place, event: checkEvent(read(), maxMessageBytes) })
    return true
  } catch (error) {
    if (!(error instanceof SserError)) throw error
    parsed.error = { place, error }
    return false
  }
}

/** @throws SserError `invalid-json` */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new SserError('invalid-json', `Expected JSON such as ${EXAMPLE}, got ${describeValue(text)}`, {
      cause,
    })
  }
}

/** Checks the fields of an event. @throws SserError, as `send()` does, or `invalid-json` */
export function checkEvent(value: unknown, maxMessageBytes: number): PublishedEvent {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new SserError('invalid-json', `Expected an object such as ${EXAMPLE}, got ${describeValue(value)}`)
  for (const name of Object.keys(value)) {
    if (!FIELDS.includes(name))
      throw new SserError(
        'invalid-json',
        `There is no field ${describeValue(name)}${suggestion(name, FIELDS)}`,
      )
  }
  const { stream = '', data, event, idempotencyKey } = value as Partial<PublishedEvent>
  const fault =
    validateStreamName(stream) ??
    validateData(data, maxMessageBytes) ??
    (event === undefined ? undefined : validateEventType(event)) ??
    (idempotencyKey === undefined ? undefined : validateIdempotencyKey(idempotencyKey))
  if (fault !== undefined) throw fault
  return { stream, data: data as string, event, idempotencyKey }
}

function validateData(data: unknown, maxMessageBytes: number): SserError | undefined {
  if (typeof data === 'string') return validateMessage(data, maxMessageBytes)
  return new SserError(
    'invalid-message',
    `Field "data": expected the message as a string, got ${describeValue(data)}; for other values, write their JSON as a string, as "data": tojson of jq does`,
  )
}
