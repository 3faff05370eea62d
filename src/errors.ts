import { printableLines } from './printable.ts'

/** What went wrong, as a stable word that code may compare. */
export type SserErrorCode =
  /** No stream was named, or an empty one. */
  | 'stream-name-required'
  /** A stream name is over its limit or holds a control character. */
  | 'invalid-stream-name'
  /** One request names more streams than a connection may listen on, or their names take over 6,000 bytes in the URL. */
  | 'too-many-streams-per-connection'
  /** The client's `Accept` header excludes `text/event-stream`. */
  | 'not-acceptable'
  /** A `GET` for events has a body. */
  | 'unexpected-body'
  /** The empty string was to be sent. */
  | 'empty-message'
  /** Something that is no string was to be sent. */
  | 'invalid-message'
  /** A message is over `maxMessageBytes`. */
  | 'message-too-large'
  /** An event type is empty, holds a line break or NUL, is too long, or begins with the reserved `sser-`. */
  | 'invalid-event-type'
  /** `send()` or `disconnect()` was called before `start()`, or before that knew the peers. */
  | 'not-started'
  /** The instance was stopped. */
  | 'stopped'
  /** An option is unknown or out of its range. */
  | 'invalid-options'
  /** A call was given an argument of the wrong type. */
  | 'invalid-argument'
  /** A peer finder returned something that is not a peer. */
  | 'invalid-peer'
  /** A port that `serve()` was to bind is in use. */
  | 'port-in-use'
  /** `sser` runs on a runtime, or a version of it, that it does not support. */
  | 'unsupported-runtime'
  /** A body is over its limit. */
  | 'body-too-large'
  /** A request to the internal port does not declare the length of its body. */
  | 'length-required'
  /** A request to the internal port comes from a web page, or is not called by a name of this Pod. */
  | 'forbidden-origin'
  /** A body on the internal port is not `application/json`. */
  | 'unsupported-media-type'
  /** A body takes longer than `internalBodyTimeoutMs`. */
  | 'body-timeout'
  /** More bodies are on their way to the internal port than `maxBufferedBodyBytes` allows. */
  | 'overloaded'
  /** What a peer sent does not prove that it has the `peerSecret`. */
  | 'unauthorized'
  /** A peer's message is not what the protocol allows. */
  | 'invalid-peer-message'
  /** A peer sent the same event twice, with different contents: only the first counts. */
  | 'conflicting-event'
  /** A tag is empty or too long. */
  | 'invalid-tag'
  /** `disconnect()` was told neither a stream nor a tag. */
  | 'empty-selector'
  /** The hook `authorize` does not let the client listen. */
  | 'forbidden'
  /** The hook `authorize` wants the client never to come back. */
  | 'blocked'
  /** The hook `authorize` threw, took too long, or said what it cannot say. */
  | 'authorization-failed'
  /** There are `maxConnections` on this Pod. */
  | 'too-many-connections'
  /** There are `maxConnectionsPerAddress` from one address on this Pod. */
  | 'too-many-connections-from-address'
  /** There are `maxStreams` that somebody listens on here. */
  | 'too-many-streams'
  /** Clients have left more than `maxOutputBufferBytes` untaken, and this client most of them. */
  | 'output-buffers-full'
  /** A client took nothing for `slowClientTimeoutMs`. */
  | 'slow-client'
  /** An `idempotencyKey` is empty, too long, or holds a line break or NUL. */
  | 'invalid-idempotency-key'
  /** A peer could not be reached, or answered with something that is no answer. */
  | 'peer-failed'
  /** A peer finder failed, or its list of changes ended. */
  | 'peer-finder-failed'

/** The HTTP status of an answer to a request that failed with an {@link SserError}. */
export type SserErrorStatus = 400 | 401 | 403 | 406 | 408 | 409 | 411 | 413 | 415 | 429 | 500 | 502 | 503

const STATUS: Readonly<Record<SserErrorCode, SserErrorStatus>> = {
  'stream-name-required': 400,
  'invalid-stream-name': 400,
  'too-many-streams-per-connection': 400,
  'not-acceptable': 406,
  'unexpected-body': 400,
  'empty-message': 400,
  'invalid-message': 400,
  'message-too-large': 413,
  'invalid-event-type': 400,
  'not-started': 503,
  stopped: 503,
  'invalid-options': 500,
  'invalid-argument': 500,
  'invalid-peer': 500,
  'port-in-use': 500,
  'unsupported-runtime': 500,
  'body-too-large': 413,
  'length-required': 411,
  'forbidden-origin': 403,
  'unsupported-media-type': 415,
  'body-timeout': 408,
  overloaded: 503,
  unauthorized: 401,
  'invalid-peer-message': 400,
  'conflicting-event': 409,
  'invalid-tag': 400,
  'empty-selector': 400,
  forbidden: 403,
  blocked: 403,
  'authorization-failed': 500,
  'too-many-connections': 429,
  'too-many-connections-from-address': 429,
  'too-many-streams': 429,
  'output-buffers-full': 500,
  'slow-client': 500,
  'invalid-idempotency-key': 400,
  'peer-failed': 502,
  'peer-finder-failed': 500,
}

/** The one error class of `sser`: a stable `code`, a message for people, and the `cause` where there is one. */
export class SserError extends Error {
  override readonly name = 'SserError'
  readonly code: SserErrorCode
  /** The HTTP status for a request that fails with this error. Express, Fastify and Koa answer with it by themselves. */
  readonly status: SserErrorStatus
  /**
   * The answer to a request that fails with this error. Hono answers with it by itself. Absent where `status` is 500 or
   * more, so that Hono logs the error.
   */
  declare readonly getResponse?: () => Response

  constructor(code: SserErrorCode, message: string, options?: { cause?: unknown }) {
    // Part of it may come from outside, and `console.error` writes it to a terminal as it is.
    super(printableLines(message), options)
    this.code = code
    const status = STATUS[code]
    this.status = status
    if (status >= 500) return
    Object.defineProperty(this, 'getResponse', {
      value: () => new Response(`${this.message}\n`, { status, headers: { 'sser-error': code } }),
    })
  }
}

/** What whoever still waits for an instance is told. */
export function stopped(): SserError {
  return new SserError('stopped', 'This instance was stopped')
}

/** An error's message with its causes': `fetch failed` alone says nothing. */
export function describe(error: unknown): string {
  const messages: string[] = []
  for (let cause = error; cause instanceof Error && messages.length < 4; cause = cause.cause) {
    const code = (cause as { code?: unknown }).code
    messages.push(cause.message === '' && typeof code === 'string' ? code : cause.message)
  }
  return printableLines(messages.length === 0 ? String(error) : messages.join(': '))
}
