import { byteLength } from '../wire/names.ts'
import { headerBytes, type RunHeader } from '../wire/runs.ts'
import type { StreamQueue } from './large-streams.ts'

interface BaseEntry {
  /** Place in the order of arrival, counted from the start of the Pod. */
  readonly index: number
  /** Time of the send, on this Pod's clock. */
  readonly sentAt: number
  /** True after the log evicted it because `maxBytes` was reached; it has no texts then, and soon leaves the queues. */
  isEvicted: boolean
}

/** An event of a Pod that speaks v2. */
export interface EventEntry extends BaseEntry {
  readonly kind: 'event'
  readonly epoch: string
  readonly seq: number
  readonly stream: string
  msg: string
  event: string | undefined
  key: string | undefined
  /** Trace context of the sender. */
  traceparent: string | undefined
  /** Bytes of its texts. */
  bytes: number
  /** The queue of its stream once it is in the log: by its name, the log would look it up again when the entry settles and when it leaves. */
  queue: StreamQueue | undefined
}

/** A no-op entry, which keeps a quiet epoch active: it takes a seq, and no connection sees it. */
export interface NoopEntry extends BaseEntry {
  readonly kind: 'no-op'
  readonly epoch: string
  readonly seq: number
}

/** Events of `epoch` after `from` and up to `seq` were lost before they reached this Pod. */
export interface HoleEntry extends BaseEntry {
  readonly kind: 'hole'
  readonly epoch: string
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

/** A header of a run: its start, its end, or a cancellation. No connection sees it. */
export interface RunEntry extends BaseEntry {
  readonly kind: 'run'
  readonly epoch: string
  readonly seq: number
  readonly run: RunHeader
}

/** An event of a Go Pod: without an epoch, so it is delivered live, but never replicated or replayed. */
export interface V1EventEntry extends BaseEntry {
  readonly kind: 'v1-event'
  readonly stream: string
  msg: string
  bytes: number
  queue: StreamQueue | undefined
}

/** Events of a peer that rejects this Pod's requests were lost: nothing is known about their epoch and seqs. */
export interface LossEntry extends BaseEntry {
  readonly kind: 'loss'
}

/** An entry with an epoch and a seq, which positions count. */
export type NumberedEntry = EventEntry | NoopEntry | HoleEntry | DisconnectEntry | RunEntry

export type LogEntry = NumberedEntry | V1EventEntry | LossEntry

/** Events of `stream` that a peer's log evicted before this Pod received them: no entry, but it takes an index. */
export interface EvictionNotice {
  readonly kind: 'eviction'
  readonly index: number
  readonly stream: string
}

export function isNumbered(entry: LogEntry): entry is NumberedEntry {
  return entry.kind !== 'v1-event' && entry.kind !== 'loss'
}

/** Returns whether connections of a stream receive the entry as an event. */
export function isEvent(entry: LogEntry): entry is EventEntry | V1EventEntry {
  return entry.kind === 'event' || entry.kind === 'v1-event'
}

/** Returns whether every connection gets a gap for the entry. */
export function isLoss(entry: LogEntry): entry is HoleEntry | LossEntry {
  return entry.kind === 'hole' || entry.kind === 'loss'
}

/** Returns whether connections miss nothing without the entry. */
export function isInternal(entry: LogEntry): entry is NoopEntry | RunEntry {
  return entry.kind === 'no-op' || entry.kind === 'run'
}

/** Content of a new entry: an event has a stream, a disconnect a selector, a header of a run `run`, a no-op entry none. */
export interface EntryContent {
  stream?: string | undefined
  msg?: string | undefined
  event?: string | undefined
  key?: string | undefined
  disconnect?: ConnectionSelector | undefined
  run?: RunHeader | undefined
  traceparent?: string | undefined
}

/** Creates an entry of an epoch: an event where `content` has a stream, else a disconnect, a header or a no-op entry. */
export function createEntry(
  index: number,
  sentAt: number,
  epoch: string,
  seq: number,
  content: EntryContent,
): EventEntry | NoopEntry | DisconnectEntry | RunEntry {
  const { stream, disconnect: selector, run } = content
  if (stream !== undefined) return createEvent(index, sentAt, epoch, seq, stream, content)
  if (run !== undefined) return { kind: 'run', index, sentAt, isEvicted: false, epoch, seq, run }
  if (selector === undefined) return { kind: 'no-op', index, sentAt, isEvicted: false, epoch, seq }
  return { kind: 'disconnect', index, sentAt, isEvicted: false, epoch, seq, selector }
}

function createEvent(
  index: number,
  sentAt: number,
  epoch: string,
  seq: number,
  stream: string,
  { msg = '', event, key, traceparent }: EntryContent,
): EventEntry {
  const bytes =
    byteLength(msg) + stream.length + (event?.length ?? 0) + (key?.length ?? 0) + (traceparent?.length ?? 0)
  return {
    kind: 'event',
    index,
    sentAt,
    isEvicted: false,
    epoch,
    seq,
    stream,
    msg,
    event,
    key,
    traceparent,
    bytes,
    queue: undefined,
  }
}

export function createV1Event(index: number, sentAt: number, stream: string, msg: string): V1EventEntry {
  const bytes = byteLength(msg) + stream.length
  return { kind: 'v1-event', index, sentAt, isEvicted: false, stream, msg, bytes, queue: undefined }
}

/** Approximate memory of an entry without its texts: the object and its places in three queues. */
export const ENTRY_BYTES = 180

/** Marks an entry as evicted, and releases its texts. */
export function markEvicted(entry: LogEntry): void {
  entry.isEvicted = true
  if (!isEvent(entry)) return
  entry.msg = ''
  entry.bytes = 0
  if (entry.kind === 'v1-event') return
  entry.event = undefined
  entry.key = undefined
  entry.traceparent = undefined
}

/** Memory that an entry counts for, in bytes. */
export function memoryBytes(entry: LogEntry): number {
  if (entry.kind === 'disconnect') {
    const { stream = '', tag = '' } = entry.selector
    return ENTRY_BYTES + stream.length + tag.length
  }
  if (entry.kind === 'run') return ENTRY_BYTES + headerBytes(entry.run)
  return ENTRY_BYTES + (isEvent(entry) ? entry.bytes : 0)
}

/** Selects the connections that `disconnect()` closes: by stream, by tag, or by both. */
export interface ConnectionSelector {
  /** Selects connections with this stream. */
  stream?: string | undefined
  /** Selects connections with this tag, which `authorize` has granted. */
  tag?: string | undefined
}

/**
 * Returns whether a connection with these streams and tags has the selector's stream and tag, as far as it names them.
 */
export function matches(
  { stream, tag }: ConnectionSelector,
  streams: readonly string[],
  tags: readonly string[],
): boolean {
  return (stream === undefined || streams.includes(stream)) && (tag === undefined || tags.includes(tag))
}
