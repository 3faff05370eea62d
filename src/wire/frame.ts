/**
 * Server-sent event blocks, as text. Callers join what they need and encode it once.
 *
 * Each block has data, and each block of the server's own has a name: a block without a name and data, such as a lone
 * `retry:` or a comment, is an unnamed message with empty data to several client libraries. `id:` is the last field,
 * because several clients take the id as soon as its line arrives: a connection that is cut inside a block must not
 * leave them with the id of an event whose data they did not get.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */

const LINE_BREAK = /\r\n|\r|\n/

/** An event as a client receives it. `event` and `id` must already be free of line breaks. */
export interface Frame {
  id?: string | undefined
  event?: string | undefined
  msg: string
}

/** One event: every line of the message becomes a `data:` line of its own. */
export function eventFrame({ id, event, msg }: Frame): string {
  let text = event === undefined ? '' : `event: ${event}\n`
  // Most messages are one line; splitting those would cost more than the rest of the frame.
  if (!msg.includes('\n') && !msg.includes('\r')) text += `data: ${msg}\n`
  else for (const line of msg.split(LINE_BREAK)) text += `data: ${line}\n`
  return id === undefined ? `${text}\n` : `${text}id: ${id}\n\n`
}

/**
 * Moves the client's last event id without an event that any `onmessage` would see. An id alone would not do:
 * Firefox ignores a block that has no data line. Without history the block has no id, and keeps the response open.
 */
export function positionFrame(id: string | undefined): string {
  return block('sser-position', '{}', undefined, id)
}

/**
 * The first block of a connection without a gap. `retryMs`: how long the client waits before it reconnects, in
 * milliseconds. `isResumed`: whether the request had an id. A client that comes back and reads that its request had none
 * knows that something on the way drops `Last-Event-ID`, which the server cannot tell from a new client.
 */
export function preambleFrame(id: string | undefined, retryMs: number, isResumed: boolean): string {
  return block('sser-position', `{"resumed":${isResumed}}`, retryMs, id)
}

/** The last block of a response that the server ends, and the only one of a response that never began. */
export function retryFrame(ms?: number): string {
  return block('sser-retry', '{}', ms, undefined)
}

/**
 * Why a client may have missed events. `trimmed`: the log no longer reaches back to its id. `peer-loss`: a peer's events
 * that never came here, also where the peer and this Pod refuse each other. `slow-client`: it did not read for so long that the log left it behind. `unknown-id`: its id
 * speaks of no Pod that is known here. `legacy-peer`: a Go Pod's events have no ids. `invalid-id`: its id is not ours.
 */
export type GapReason = 'trimmed' | 'peer-loss' | 'slow-client' | 'unknown-id' | 'legacy-peer' | 'invalid-id'

/** Tells the client that it may have missed events; it goes on from `id`, or without one. */
export function gapFrame(id: string | undefined, reason: GapReason, retryMs?: number): string {
  return block('sser-gap', `{"reason":"${reason}"}`, retryMs, id ?? '')
}

/** The data is JSON and never empty because applications pass the data of every block to `JSON.parse()`. */
function block(event: string, data: string, retryMs: number | undefined, id: string | undefined): string {
  const retry = retryMs === undefined ? '' : `retry: ${retryMs}\n`
  return `event: ${event}\n${retry}data: ${data}\n${id === undefined ? '' : `id: ${id}\n`}\n`
}
