/**
 * The seam between a page's streams and the connection that feeds them.
 *
 * A `Source` delivers items for a set of streams. `StreamSource` has a connection of its own; a shared source is fed by the
 * connection of another tab or of a SharedWorker. All items are plain objects of strings, numbers, booleans and arrays, so
 * they cross `postMessage()` as they are. Payloads stay text: each tab parses and validates for itself.
 *
 * Rules for every source:
 * - Items come in the order of the connection. Between `open` and the next `open`, no event of a covered stream is left out
 *   unless a `gap` comes first.
 * - A listener that is added, and a stream that is added to a connection that covers it already, is sent an `open` that
 *   names the streams. Events before that `open` are not for it.
 * - The last `state` item is the current state: `source.state` has it for listeners that come later.
 * - A source without streams has no connection, and forgets its position: later streams begin live.
 */

/**
 * `connecting`: there has been no response yet, or no stream is listened to. `live`: events arrive. `recovering`: the
 * connection was lost or refused, and comes back by itself. `stopped`: it does not come back by itself.
 */
export type ConnectionState = 'connecting' | 'live' | 'recovering' | 'stopped'

/** An event of a stream. */
export interface SourceEvent {
  readonly type: 'event'
  readonly stream: string
  /** The event type that the sender named. */
  readonly event: string | undefined
  readonly data: string
  /** The position after this event; undefined where the server keeps none. Its last entry is the event's own. */
  readonly id: string | undefined
}

/** A response has begun: from here on the events of `streams` arrive. */
export interface SourceOpen {
  readonly type: 'open'
  readonly streams: readonly string[]
  readonly id: string | undefined
}

/** Events may be missing before the next one, in any stream. */
interface SourceGap {
  readonly type: 'gap'
  /** The server's reason; `not-resumed` where the server did not receive the position. */
  readonly reason: string
  readonly id: string | undefined
}

/** The heartbeat: everything up to `id` has been delivered. A source that sends none for 1.75 heartbeats is broken. */
interface SourcePosition {
  readonly type: 'position'
  readonly id: string | undefined
}

/** A change of the state. */
export interface SourceState {
  readonly type: 'state'
  readonly state: ConnectionState
  /** Why the connection is recovering or has stopped. */
  readonly error: ErrorDetails | undefined
}

/** An error as plain data; `ClientError` is made of it. */
export interface ErrorDetails {
  readonly code: ClientErrorCode
  readonly message: string
  /** HTTP status of the response, if there was one. */
  readonly status?: number | undefined
  /** The server's reason: the code in `Sser-Error`, or that of `sser-retry`. */
  readonly reason?: string | undefined
}

export type SourceItem = SourceEvent | SourceOpen | SourceGap | SourcePosition | SourceState

/**
 * Stable name of an error. `network`: no response, or the body broke. `silent`: nothing came for 1.75 heartbeats. `refused`:
 * a status that no retry cures. `unauthorized`: 401, also with new headers. `unavailable`: a status or content type after
 * which the client comes back. `ended`: 204, the server wants no further connection. `headers`: `headers()` failed.
 * `block-too-large`: one block of the server exceeds the limit. `invalid-payload`: a payload is no JSON, or the schema
 * rejects it. `snapshot`: `snapshot()` failed. `listener`: a listener threw. `slow-reader`: a loop does not read. `gap`: a
 * run lost chunks. `run-failed`, `run-lost`: how a run ended.
 */
export type ClientErrorCode =
  | 'network'
  | 'silent'
  | 'refused'
  | 'unauthorized'
  | 'unavailable'
  | 'ended'
  | 'headers'
  | 'block-too-large'
  | 'invalid-payload'
  | 'snapshot'
  | 'listener'
  | 'slow-reader'
  | 'gap'
  | 'run-failed'
  | 'run-lost'

/** Delivers the items of a set of streams. */
export interface Source {
  readonly state: SourceState
  /** Calls `listener` for each item until the returned function is called. */
  listen(listener: (item: SourceItem) => void): () => void
  /** Replaces the set of streams. Changes within a few milliseconds are one change of the connection. */
  setStreams(streams: readonly string[]): void
  /** Connects at once, also where the source has stopped. */
  reconnect(): void
  /** Ends the source for good. */
  close(): void
}
