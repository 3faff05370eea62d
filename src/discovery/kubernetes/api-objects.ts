import * as v from 'valibot'
import { UID } from '../peer-finder.ts'

/** Upper limit of a `Retry-After`, because a list that is hours old is useless. */
const MAX_RETRY_AFTER_MS = 120_000

/** Maximum characters kept of a Status message, and of any other text. */
const MAX_MESSAGE = 1_000
const MAX_EXCERPT = 200

/** A Status of the API server in place of a result: an HTTP error, or an ERROR event in a watch. */
export class StatusError extends Error {
  override readonly name = 'StatusError'
  /** HTTP status. */
  readonly code: number
  /** Wait that the server asks for, from `Retry-After` or `retryAfterSeconds`. */
  readonly retryAfterMs: number | undefined
  /** True if the requested version is newer than the server's: its storage was restored, or its cache lags. */
  readonly isVersionTooLarge: boolean

  constructor(
    status: Status,
    { code, retryAfterMs }: { code?: number; retryAfterMs?: number | undefined } = {},
  ) {
    super(excerpt(status.message ?? 'no message', MAX_MESSAGE))
    this.code = code ?? status.code ?? 500
    const seconds = status.details?.retryAfterSeconds ?? undefined
    const ms = retryAfterMs ?? (seconds === undefined ? undefined : seconds * 1_000)
    this.retryAfterMs = ms === undefined ? undefined : Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS)
    const causes = status.details?.causes ?? []
    this.isVersionTooLarge =
      causes.some(({ reason }) => reason === 'ResourceVersionTooLarge') ||
      /too large resource version/i.test(this.message)
  }

  /** True if the server rejects this request until an operator changes something. */
  get isRejection(): boolean {
    return this.code >= 400 && this.code < 500 && ![401, 408, 409, 410, 429].includes(this.code)
  }
}

/** A response violates the API's contract. The whole response is discarded. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
}

/** A field that may be missing, or null as some servers write it. */
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

/** An object of the API, with the fields that its schema names. */
export interface ApiObject {
  metadata: { uid: string; name: string; resourceVersion: string }
}

/** Schemas of the metadata that every object has. */
export const metadata: { [K in keyof ApiObject['metadata']]: v.GenericSchema<unknown, string> } = {
  uid: v.pipe(v.string(), v.regex(UID)),
  name: v.string(),
  resourceVersion: version,
}

/** One page of a list. */
export interface Page {
  version: string
  /** Token of the next page; empty on the last one. */
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

/** @throws StatusError for an ERROR event; ProtocolError for a line that is not an event. */
export function readEvent(line: string): WatchEvent {
  const { type, object } = read(eventSchema, parse(line), 'a watch event')
  if (type === 'ERROR') throw new StatusError(read(statusSchema, object, 'a status'))
  if (type !== 'BOOKMARK') return { type, object }
  return { type, version: read(bookmarkSchema, object, 'a bookmark').metadata.resourceVersion }
}

/** Reads the body of an error response. If it is not a Status, because a proxy sent it, its text is the message. */
export function readStatus(text: string): Status {
  try {
    return read(statusSchema, JSON.parse(text), 'a status')
  } catch {
    return { message: excerpt(text.trim(), MAX_EXCERPT) }
  }
}

/** Validates `value`, and drops fields that `schema` does not name. */
export function read<T extends v.GenericSchema>(schema: T, value: unknown, name: string): v.InferOutput<T> {
  const parsed = v.safeParse(schema, value)
  if (parsed.success) return parsed.output
  const [issue] = parsed.issues
  throw new ProtocolError(
    `Not ${name}: ${v.getDotPath(issue) ?? 'it'}: ${excerpt(issue.message, MAX_EXCERPT)}`,
  )
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Not the parser's own error, because that quotes the text without escaping it.
    throw new ProtocolError(`Not JSON: ${excerpt(text, 80)}`)
  }
}

/** Truncates untrusted text, and escapes it for a terminal and for one line of a log. */
function excerpt(text: string, most: number): string {
  return text
    .slice(0, most)
    .replace(/[\p{C}\p{Zl}\p{Zp}\u{fffd}]/gu, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`)
}
