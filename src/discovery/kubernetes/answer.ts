import * as v from 'valibot'
import { UID } from '../peer.ts'

/** A pause that a server asks for is kept up to here: a list that is a day old helps nobody. */
const MOST_RETRY_AFTER_MS = 120_000

/** How much of a message is kept, and of what is no message. */
const MOST_MESSAGE = 1_000
const MOST_EXCERPT = 200

/** What the API server says instead of what was asked for: by HTTP, or by an ERROR event in a watch. */
export class StatusError extends Error {
  override readonly name = 'StatusError'
  /** As an HTTP status. */
  readonly code: number
  /** How long it asks to be left alone. */
  readonly retryAfterMs: number | undefined
  /** The version that was asked for lies ahead of what this server knows: its storage was set back, or it lags. */
  readonly isAhead: boolean

  constructor(
    status: Status,
    { code, retryAfterMs }: { code?: number; retryAfterMs?: number | undefined } = {},
  ) {
    super(excerpt(status.message ?? 'no message', MOST_MESSAGE))
    this.code = code ?? status.code ?? 500
    const seconds = status.details?.retryAfterSeconds ?? undefined
    const ms = retryAfterMs ?? (seconds === undefined ? undefined : seconds * 1_000)
    this.retryAfterMs = ms === undefined ? undefined : Math.min(Math.max(ms, 0), MOST_RETRY_AFTER_MS)
    const causes = status.details?.causes ?? []
    this.isAhead =
      causes.some(({ reason }) => reason === 'ResourceVersionTooLarge') ||
      /too large resource version/i.test(this.message)
  }

  /** Whether the same request will have the same answer until somebody changes something. */
  get isRefusal(): boolean {
    return this.code >= 400 && this.code < 500 && ![401, 408, 409, 410, 429].includes(this.code)
  }
}

/** The answer is not what the API promises; nothing of it is used. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
}

/** Of what the API leaves out, some servers write null. */
export type Maybe<T> = T | null | undefined

interface Status {
  message?: Maybe<string>
  code?: Maybe<number>
  details?: Maybe<{ retryAfterSeconds?: Maybe<number>; causes?: Maybe<{ reason?: Maybe<string> }[]> }>
}

const statusSchema: v.GenericSchema<unknown, Status> = v.object({
  message: v.nullish(v.string()),
  code: v.nullish(v.number()),
  details: v.nullish(
    v.object({
      retryAfterSeconds: v.nullish(v.number()),
      causes: v.nullish(v.array(v.object({ reason: v.nullish(v.string()) }))),
    }),
  ),
})

const version = v.pipe(v.string(), v.nonEmpty())

const listSchema = v.object({
  kind: v.pipe(v.string(), v.endsWith('List')),
  metadata: v.object({ resourceVersion: version, continue: v.nullish(v.string()) }),
  items: v.nullable(v.array(v.unknown())),
})

const bookmarkSchema = v.object({ metadata: v.object({ resourceVersion: version }) })

const eventSchema = v.object({
  type: v.picklist(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']),
  object: v.unknown(),
})

/** An object of the API, cut down to what its kind's schema names. */
export interface ApiObject {
  metadata: { uid: string; name: string; resourceVersion: string }
}

/** What is kept of every object's metadata. */
export const metadata: { [K in keyof ApiObject['metadata']]: v.GenericSchema<unknown, string> } = {
  uid: v.pipe(v.string(), v.regex(UID)),
  name: v.string(),
  resourceVersion: version,
}

/** One page of a list. */
export interface Page {
  version: string
  /** Where the next page begins; empty at the end. */
  next: string
  items: readonly unknown[]
}

/** One line of a watch. */
export type WatchEvent =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: unknown }
  | { type: 'BOOKMARK'; version: string }

export function readPage(text: string): Page {
  const { items, metadata } = read(listSchema, parse(text), 'a list')
  return { version: metadata.resourceVersion, next: metadata.continue ?? '', items: items ?? [] }
}

/** @throws StatusError where the line is an ERROR; ProtocolError where it is no event. */
export function readEvent(line: string): WatchEvent {
  const { type, object } = read(eventSchema, parse(line), 'a watch event')
  if (type === 'ERROR') throw new StatusError(read(statusSchema, object, 'a status'))
  if (type !== 'BOOKMARK') return { type, object }
  return { type, version: read(bookmarkSchema, object, 'a bookmark').metadata.resourceVersion }
}

/** The body of an answer that is no success; it need not be a Status, as a proxy may have written it. */
export function readStatus(text: string): Status {
  try {
    return read(statusSchema, JSON.parse(text), 'a status')
  } catch {
    return { message: excerpt(text.trim(), MOST_EXCERPT) }
  }
}

/** Checks `value`, and keeps of it only what `schema` names. */
export function read<T extends v.GenericSchema>(schema: T, value: unknown, what: string): v.InferOutput<T> {
  const parsed = v.safeParse(schema, value)
  if (parsed.success) return parsed.output
  const [issue] = parsed.issues
  throw new ProtocolError(
    `Not ${what}: ${v.getDotPath(issue) ?? 'it'}: ${excerpt(issue.message, MOST_EXCERPT)}`,
  )
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The parser's own error quotes the text as it is.
    throw new ProtocolError(`Not JSON: ${excerpt(text, 80)}`)
  }
}

/** The beginning of a text that anybody may have written, fit for a terminal and for one line of a log. */
function excerpt(text: string, most: number): string {
  return text
    .slice(0, most)
    .replace(/[\p{C}\p{Zl}\p{Zp}\u{fffd}]/gu, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`)
}
