import { type EventEntry, isEvent, isLoss, isNumbered, type LogEntry } from '../log/entry.ts'
import type { Log } from '../log/log.ts'
import type { DeliveryCounts } from '../telemetry/counters.ts'
import { eventFrame, type GapReason, gapFrame } from '../wire/sse-frame.ts'
import type { Audience } from './audience.ts'

/**
 * A batch ends with the event that reaches this length, in UTF-16 units: about the size of one peer message, so that a
 * burst stays one chunk. The frames count, and not the log entries, because with many epochs each id alone is long.
 */
const FULL_LENGTH = 1_048_576
/** Maximum size of the encoded chunks that are cached for the next audience, in bytes. */
const MAX_CACHED_BYTES = 4_194_304
/** Work of one write to a connection. The unit is the work of encoding one byte. */
export const WRITE_WORK = 8_192
/** Work of adding one frame to a chunk. */
const FRAME_WORK = 128
/** Maximum number of log entries in a batch, whether or not a connection has their streams. */
const MAX_ENTRIES = 16_384

const encoder = new TextEncoder()

interface BatchFrame {
  /** Undefined: for every connection. */
  stream: string | undefined
  /** Reason of a gap; undefined for an event. */
  gap: GapReason | undefined
  text: string
}

/** The frames of a batch for some audiences, encoded; all their connections share the bytes. */
export interface Chunk extends DeliveryCounts {
  bytes: Uint8Array
  /** Number of connections that wait for their clients to take the chunk. */
  holders: number
}

/**
 * New log entries as chunks that connections share: each event is formatted once, and encoded once for all audiences
 * that have the same streams with new events.
 */
export class Batch {
  readonly from: number
  readonly to: number
  /** Streams with new events and connections; undefined where the batch affects every connection. */
  readonly streams: ReadonlySet<string> | undefined
  /** Delivered events that have a `traceparent`. */
  readonly traced: EventEntry[] = []
  /** Work of encoding chunks so far; the dispatcher reads and resets it. An integer, which V8 does not allocate. */
  work = 0
  readonly #frames: BatchFrame[] = []
  /** By the streams of an audience that have new events. */
  readonly #chunks = new Map<string, Chunk | undefined>()
  #cachedBytes = 0
  /** Last audience of {@link chunk}, and its chunk, because the dispatcher serves the connections of one audience in a row. */
  #latest: Audience | undefined
  #latestChunk: Chunk | undefined
  readonly #updatedStreams: ReadonlySet<string>

  constructor(log: Log, from: number, now: number, isWanted: (stream: string) => boolean) {
    this.from = from
    const start = Math.max(from, log.firstIndex)
    const complete = Math.max(start, log.firstCompleteIndex)
    const position = log.positionAt(complete, now)
    const formatId = () => (log.isResumable ? log.eventIds.format(position) : undefined)
    const streams = new Set<string>()
    /** Gaps by stream to write before the next event; all of them have the same position. */
    const gaps = new Map<string | undefined, GapReason>()
    let length = 0
    const frame = (stream: string | undefined, gap: GapReason | undefined, text: string) => {
      this.#frames.push({ stream, gap, text })
      length += text.length
    }
    const flushGaps = () => {
      if (gaps.size === 0) return
      const id = formatId()
      for (const [stream, reason] of gaps) frame(stream, reason, gapFrame(id, reason))
      gaps.clear()
    }
    if (from < log.evictedIndex) gaps.set(undefined, 'trimmed')
    let index = start
    // Entries without a message are never split over two batches, because one gap covers all of them.
    for (; index < log.nextIndex && index - complete < MAX_ENTRIES && length < FULL_LENGTH; index += 1) {
      const entry = log.at(index) as LogEntry
      const isWantedEvent = isEvent(entry) && isWanted(entry.stream)
      if (isWantedEvent) streams.add(entry.stream)
      // Before the position moves past this event, because a client may receive the gap and not the event.
      if (isWantedEvent && entry.msg !== undefined) flushGaps()
      if (index >= complete && isNumbered(entry)) position.set(entry.epoch, entry.seq)
      if (isLoss(entry)) {
        // It affects every connection, and covers the gaps before it.
        gaps.clear()
        gaps.set(undefined, 'peer-loss')
      }
      if (!isWantedEvent) continue
      if (entry.msg === undefined) {
        gaps.delete(entry.stream)
        gaps.set(entry.stream, 'trimmed')
      } else if (entry.kind === 'v1-event') {
        frame(entry.stream, undefined, eventFrame({ msg: entry.msg }))
      } else if (log.indexes.idempotencyKeys.isFirst(entry)) {
        if (entry.traceparent !== undefined) this.traced.push(entry)
        frame(entry.stream, undefined, eventFrame({ id: formatId(), event: entry.event, msg: entry.msg }))
      }
    }
    flushGaps()
    this.to = index
    this.#updatedStreams = streams
    this.streams = this.#frames.some(({ stream }) => stream === undefined) ? undefined : streams
  }

  /** The chunk for the connections of an audience; undefined when the batch has nothing for them. */
  chunk(audience: Audience): Chunk | undefined {
    if (audience !== this.#latest) {
      this.#latestChunk = this.#chunkFor(audience)
      this.#latest = audience
    }
    return this.#latestChunk
  }

  #chunkFor({ streams }: Audience): Chunk | undefined {
    const updated = streams.filter((stream) => this.#updatedStreams.has(stream))
    const key = updated.join('\n')
    const known = this.#chunks.get(key)
    if (known !== undefined || this.#chunks.has(key)) return known
    const chunk = this.#encode(new Set(updated))
    if (this.#cachedBytes > MAX_CACHED_BYTES) {
      this.#chunks.clear()
      this.#cachedBytes = 0
    }
    this.#chunks.set(key, chunk)
    this.#cachedBytes += chunk?.bytes.byteLength ?? 0
    return chunk
  }

  #encode(streams: ReadonlySet<string>): Chunk | undefined {
    const frames: BatchFrame[] = []
    for (const frame of this.#frames) {
      if (frame.stream !== undefined && !streams.has(frame.stream)) continue
      // Of consecutive gaps the last one covers the others.
      if (frame.gap !== undefined && frames.at(-1)?.gap !== undefined) frames.pop()
      frames.push(frame)
    }
    const chunk = encode(frames)
    this.work += (this.#frames.length + frames.length) * FRAME_WORK + (chunk?.bytes.byteLength ?? 0)
    return chunk
  }
}

function encode(frames: readonly BatchFrame[]): Chunk | undefined {
  if (frames.length === 0) return undefined
  let text = ''
  let gaps: GapReason[] | undefined
  for (const frame of frames) {
    text += frame.text
    if (frame.gap !== undefined) gaps = [...(gaps ?? []), frame.gap]
  }
  return { bytes: encoder.encode(text), events: frames.length - (gaps?.length ?? 0), gaps, holders: 0 }
}
