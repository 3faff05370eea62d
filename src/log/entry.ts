import { byteLength } from '../wire/names.ts'
import type { ConnectionSelector } from './connection-selector.ts'

interface BaseEntry {
  /** Place in the order of arrival, counted from the start of the Pod. */
  readonly index: number
  /** Time of the send, on this Pod's clock. */
  readonly sentAt: number
}

/** An event. An event of a Go Pod has no epoch, so no client can resume after it. */
export interface EventEntry extends BaseEntry {
  readonly kind: 'event'
  readonly epoch: string | undefined
  readonly seq: number
  readonly stream: string
  /** Undefined after the log evicted it because `maxBytes` was reached. */
  msg: string | undefined
  readonly event: string | undefined
  readonly key: string | undefined
  /** Trace context of the sender; evicted together with the message. */
  traceparent: string | undefined
  /** Bytes of the texts that the log still holds. */
  bytes: number
}

/** A no-op entry, which keeps a quiet epoch active: it takes a seq, and no connection sees it. */
export interface NoopEntry extends BaseEntry {
  readonly kind: 'no-op'
  readonly epoch: string
  readonly seq: number
}

/**
 * Events of `epoch` after `from` and up to `seq` were lost before they reached this Pod. Without an epoch: the lost
 * events are those of a peer that rejects this Pod's requests.
 */
export interface HoleEntry extends BaseEntry {
  readonly kind: 'hole'
  readonly epoch: string | undefined
  readonly from: number
  readonly seq: number
}

/** Closes every matching connection, on every Pod. */
export interface DisconnectEntry extends BaseEntry {
  readonly kind: 'disconnect'
  readonly epoch: string
  readonly seq: number
  readonly selector: ConnectionSelector
}

export type LogEntry = EventEntry | NoopEntry | HoleEntry | DisconnectEntry

/** Content of a new entry: an event has a stream, a disconnect a selector, a no-op entry neither. */
export interface EntryContent {
  stream?: string | undefined
  msg?: string | undefined
  event?: string | undefined
  key?: string | undefined
  disconnect?: ConnectionSelector | undefined
  traceparent?: string | undefined
}

/** Creates an entry of an epoch: an event where `content` has a stream, else a disconnect or a no-op entry. */
export function createEntry(
  index: number,
  sentAt: number,
  epoch: string,
  seq: number,
  content: EntryContent,
): EventEntry | NoopEntry | DisconnectEntry {
  const { stream, disconnect: selector } = content
  if (stream !== undefined) return createEvent(index, sentAt, epoch, seq, stream, content)
  if (selector === undefined) return { kind: 'no-op', index, sentAt, epoch, seq }
  return { kind: 'disconnect', index, sentAt, epoch, seq, selector }
}

export function createEvent(
  index: number,
  sentAt: number,
  epoch: string | undefined,
  seq: number,
  stream: string,
  { msg = '', event, key, traceparent }: EntryContent,
): EventEntry {
  const bytes = byteLength(msg) + (traceparent?.length ?? 0) + metadataBytes({ stream, event, key })
  return { kind: 'event', index, sentAt, epoch, seq, stream, msg, event, key, traceparent, bytes }
}

/** Approximate memory of an entry without its texts: the object and its places in three queues. */
const ENTRY_BYTES = 180
/** Bytes of an event's texts without its message. */
export function metadataBytes({ stream, event, key }: Pick<EventEntry, 'stream' | 'event' | 'key'>): number {
  return stream.length + (event?.length ?? 0) + (key?.length ?? 0)
}

/** Memory that an entry counts for, in bytes. */
export function memoryBytes(entry: LogEntry): number {
  if (entry.kind === 'disconnect') {
    const { stream = '', tag = '' } = entry.selector
    return ENTRY_BYTES + stream.length + tag.length
  }
  return ENTRY_BYTES + (entry.kind === 'event' ? entry.bytes : 0)
}
