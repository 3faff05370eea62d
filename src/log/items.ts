import { byteLength } from '../wire/names.ts'
import type { Selection } from './selection.ts'

interface Item {
  /** Its place in the order of arrival, counted from the Pod's start. */
  readonly index: number
  /** When it was sent, in this Pod's time. */
  readonly sentAt: number
}

/** An event. One that came from a Go Pod has no epoch, and nobody can ask for it again. */
export interface EventItem extends Item {
  readonly kind: 'event'
  readonly epoch: string | undefined
  readonly seq: number
  readonly stream: string
  /** Undefined once the log let go of it for want of room. */
  msg: string | undefined
  readonly event: string | undefined
  readonly key: string | undefined
  /** Where the sender traced it; undefined, too, once the message is gone. */
  traceparent: string | undefined
  /** Bytes of its texts, as far as they are still held. */
  bytes: number
}

/** A Pod's sign of life: it takes a seq, and no connection sees it. */
export interface TickItem extends Item {
  readonly kind: 'tick'
  readonly epoch: string
  readonly seq: number
}

/**
 * Events of `epoch` after `from` and up to `seq` never came here and never will. Without an epoch: events of a peer that
 * refuses this Pod, which do not come here.
 */
export interface HoleItem extends Item {
  readonly kind: 'hole'
  readonly epoch: string | undefined
  readonly from: number
  readonly seq: number
}

/** Whoever is meant may not stay, on whichever Pod. */
export interface DisconnectItem extends Item {
  readonly kind: 'disconnect'
  readonly epoch: string
  readonly seq: number
  readonly selection: Selection
}

export type LogItem = EventItem | TickItem | HoleItem | DisconnectItem

/** What is appended: an event of some stream, the end of some connections, or a tick. */
export interface Content {
  stream?: string | undefined
  msg?: string | undefined
  event?: string | undefined
  key?: string | undefined
  disconnect?: Selection | undefined
  traceparent?: string | undefined
}

/** A new entry of an epoch: an event where `content` has a stream, else a disconnect or a tick. */
export function createItem(
  index: number,
  sentAt: number,
  epoch: string,
  seq: number,
  content: Content,
): EventItem | TickItem | DisconnectItem {
  const { stream, disconnect: selection } = content
  if (stream !== undefined) return createEvent(index, sentAt, epoch, seq, stream, content)
  if (selection === undefined) return { kind: 'tick', index, sentAt, epoch, seq }
  return { kind: 'disconnect', index, sentAt, epoch, seq, selection }
}

export function createEvent(
  index: number,
  sentAt: number,
  epoch: string | undefined,
  seq: number,
  stream: string,
  { msg = '', event, key, traceparent }: Content,
): EventItem {
  const bytes = byteLength(msg) + (traceparent?.length ?? 0) + metadataBytes({ stream, event, key })
  return { kind: 'event', index, sentAt, epoch, seq, stream, msg, event, key, traceparent, bytes }
}

/** What an item costs beside its text, roughly: the object and its places in three queues. */
const ITEM_BYTES = 180
/** What is left of an event's texts when its message is gone. */
export function metadataBytes({ stream, event, key }: Pick<EventItem, 'stream' | 'event' | 'key'>): number {
  return stream.length + (event?.length ?? 0) + (key?.length ?? 0)
}

/** Memory that an item counts for. */
export function cost(item: LogItem): number {
  if (item.kind === 'disconnect') {
    const { stream = '', tag = '' } = item.selection
    return ITEM_BYTES + stream.length + tag.length
  }
  return ITEM_BYTES + (item.kind === 'event' ? item.bytes : 0)
}
