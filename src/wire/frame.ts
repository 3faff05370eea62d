/**
 * Server-sent event blocks, as text. Callers join what they need and encode it once.
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
  let text = id === undefined ? '' : `id: ${id}\n`
  if (event !== undefined) text += `event: ${event}\n`
  // Most messages are one line; splitting those would cost more than the rest of the frame.
  if (!msg.includes('\n') && !msg.includes('\r')) return `${text}data: ${msg}\n\n`
  for (const line of msg.split(LINE_BREAK)) text += `data: ${line}\n`
  return `${text}\n`
}

/**
 * Moves the client's last event id without an event that any `onmessage` would see. An id alone would not do:
 * Firefox ignores a block that has no data line. Where there are no ids, it is a comment, a sign of life.
 */
export function positionFrame(id: string | undefined): string {
  return id === undefined ? ':\n\n' : `event: sser-position\nid: ${id}\ndata:\n\n`
}

/** How long the client waits before it reconnects, in milliseconds. */
export function retryFrame(ms: number): string {
  return `retry: ${ms}\n\n`
}

/**
 * Why a client may have missed events. `trimmed`: the log no longer reaches back to its id. `hole`: a peer's events
 * that never came here. `stalled`: it did not read for so long that the log left it behind. `stranger`: its id
 * speaks of no Pod that is known here. `v1`: a Go Pod's events have no ids. `unreadable`: its id is not ours.
 */
export type GapReason = 'trimmed' | 'hole' | 'stalled' | 'stranger' | 'v1' | 'unreadable'

/** Tells the client that it may have missed events; it goes on from `id`, or without one. */
export function gapFrame(id: string | undefined, reason: GapReason): string {
  return `event: sser-gap\nid: ${id ?? ''}\ndata: {"reason":"${reason}"}\n\n`
}
