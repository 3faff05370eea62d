import { type EventEntry, isEvent, isLoss, isNumbered, type V1EventEntry } from '../log/entry.ts'
import type { Log } from '../log/log.ts'
import { eventFrame, type FrameFormat, type GapReason, gapFrame, STANDARD } from '../wire/sse-frame.ts'
import type { Audience, Listeners } from './audience.ts'
import { Chunk } from './chunk.ts'

/**
 * A batch ends with the event that reaches this length, in UTF-16 units: about the size of one peer message, so that a
 * burst stays one chunk. The frames count, and not the log entries, because with many epochs each id alone is long.
 */
const FULL_LENGTH = 1_048_576
/** Maximum length of the chunks that are cached for the next audience, in UTF-16 units. */
const MAX_CACHED_LENGTH = 4_194_304
/** Work of one write to a connection. The unit is the work of encoding one UTF-16 unit. */
export const WRITE_WORK = 8_192
/** Work of adding one frame to a chunk. */
const FRAME_WORK = 128
/** Maximum number of log entries in a batch, whether or not a connection has their streams. */
const MAX_ENTRIES = 16_384
/**
 * Maximum number of streams with new events in a batch, because its frames are alive until it is delivered: with more of them
 * the garbage collector copies them, and no two streams share a frame.
 */
const MAX_STREAMS = 1_024

type BatchEvent = EventEntry | V1EventEntry

export interface BatchFrame {
  /** Place in the order of all frames of the batch. */
  place: number
  /** Reason of a gap; undefined for an event. */
  gap: GapReason | undefined
  /** In the format {@link STANDARD}. */
  text: string
  /** The event; undefined for a gap. */
  entry: BatchEvent | undefined
}

/** Frames in order, and their chunk in the format {@link STANDARD} once an audience has asked for it. */
export interface Frames {
  readonly batch: Batch
  readonly list: BatchFrame[]
  chunk: Chunk | undefined
}

/**
 * New log entries as chunks that connections share: each event is formatted once, and encoded once for all audiences
 * that have the same streams with new events. An audience costs the frames of its own streams, because the frames are
 * indexed by stream.
 */
export class Batch {
  readonly from: number
  readonly to: number
  /** Delivered events that have a `traceparent`. */
  readonly traced: EventEntry[] = []
  /** Work of making chunks so far; the dispatcher reads and resets it. An integer, which V8 does not allocate. */
  work = 0
  /** Listeners of the streams with new events; they hold the frames of their streams until {@link end}. */
  readonly #affected: Listeners[] = []
  /** Gaps for every connection. */
  readonly #common: Frames = { batch: this, list: [], chunk: undefined }
  /** Chunks of audiences that have several of the streams or another format, by the format and these streams. */
  readonly #chunks = new Map<string, Chunk>()
  #cachedLength = 0
  /** Last audience of {@link chunk}, and its chunk, because the dispatcher serves the connections of one audience in a row. */
  #latest: Audience | undefined
  #latestChunk: Chunk | undefined

  /** `listenersOn`: the listeners of a stream, undefined without connections. */
  constructor(log: Log, from: number, now: number, listenersOn: (stream: string) => Listeners | undefined) {
    this.from = from
    const position = log.eventIds.moving(log.positionAt(from, now))
    /** Gaps by stream to write before the next event; all of them have the same position. */
    const gaps = new Map<Listeners | undefined, GapReason>()
    let length = 0
    let place = 0
    const frame = (
      listeners: Listeners | undefined,
      gap: GapReason | undefined,
      text: string,
      entry?: BatchEvent,
    ) => {
      this.#add(listeners, { place, gap, text, entry })
      place += 1
      length += text.length
    }
    const flushGaps = () => {
      if (gaps.size === 0) return
      const id = log.isResumable ? position.format() : undefined
      for (const [listeners, reason] of gaps) frame(listeners, reason, gapFrame(id, reason))
      gaps.clear()
    }
    if (from < log.evictedIndex || from <= log.floors.droppedIndex) gaps.set(undefined, 'trimmed')
    // Before the events of other streams, because their ids move past the evicted ones.
    for (const stream of log.floors.streamsFrom(from)) {
      const listeners = listenersOn(stream)
      if (listeners !== undefined) gaps.set(listeners, 'trimmed')
    }
    let to = log.nextIndex
    const first = log.placeOf(from)
    // Not an iterator, because it would take longer than the rest for an event with one connection.
    for (let i = first; ; i += 1) {
      const entry = log.at(i)
      if (entry === undefined) break
      const isFull =
        i - first === MAX_ENTRIES || length >= FULL_LENGTH || this.#affected.length === MAX_STREAMS
      if (isFull) {
        to = entry.index
        break
      }
      if (entry.isEvicted) continue
      const listeners = isEvent(entry) ? listenersOn(entry.stream) : undefined
      // Before the position moves past this event, because a client may receive the gap and not the event.
      if (listeners !== undefined) flushGaps()
      if (isNumbered(entry)) position.move(entry.epoch, entry.seq)
      if (isLoss(entry)) {
        // It affects every connection, and covers the gaps before it.
        gaps.clear()
        gaps.set(undefined, 'peer-loss')
      }
      if (listeners === undefined || !isEvent(entry)) continue
      if (entry.kind === 'v1-event') {
        frame(listeners, undefined, eventFrame({ msg: entry.msg }), entry)
      } else if (log.indexes.idempotencyKeys.isFirst(entry)) {
        if (entry.traceparent !== undefined) this.traced.push(entry)
        const id = log.isResumable ? position.formatEvent() : undefined
        const text = eventFrame({ id, event: entry.event, msg: entry.msg })
        frame(listeners, undefined, text, entry)
      }
    }
    flushGaps()
    this.to = to
  }

  /** Listeners of the streams with new events; undefined where the batch affects every connection. */
  get affected(): readonly Listeners[] | undefined {
    return this.#common.list.length === 0 ? this.#affected : undefined
  }

  /** Releases the frames. */
  end(): void {
    for (const listeners of this.#affected) listeners.frames = undefined
  }

  /** The chunk for the connections of an audience; undefined when the batch has nothing for them. */
  chunk(audience: Audience): Chunk | undefined {
    if (audience !== this.#latest) {
      this.#latestChunk = this.#chunkFor(audience)
      if (audience.connections.size > 1) this.#latestChunk?.encoded()
      this.#latest = audience
    }
    return this.#latestChunk
  }

  #add(listeners: Listeners | undefined, frame: BatchFrame): void {
    if (listeners === undefined) this.#common.list.push(frame)
    else if (listeners.frames?.batch === this) listeners.frames.list.push(frame)
    else {
      // With its item, because an array that grows by its first push has room for 17.
      listeners.frames = { batch: this, list: [frame], chunk: undefined }
      this.#affected.push(listeners)
    }
  }

  #chunkFor({ members, format }: Audience): Chunk | undefined {
    let only = this.#common.list.length === 0 ? undefined : this.#common
    let count = only === undefined ? 0 : 1
    for (const { frames } of members) {
      if (frames?.batch !== this) continue
      only = frames
      count += 1
    }
    if (only === undefined) return undefined
    if (count === 1 && format === STANDARD) {
      // A second audience needs it.
      if (only.chunk !== undefined) only.chunk.encoded()
      else only.chunk = this.#chunkOf(only.list, format)
      return only.chunk
    }
    const affected = members.filter(({ frames }) => frames?.batch === this)
    const key = format.key + affected.map(({ stream }) => `${stream}\n`).join('')
    const known = this.#chunks.get(key)
    if (known !== undefined) {
      known.encoded()
      return known
    }
    const lists = [this.#common, ...affected.map(({ frames }) => frames as Frames)]
    const list = lists.flatMap((frames) => frames.list).sort((a, b) => a.place - b.place)
    const chunk = this.#chunkOf(list, format)
    if (this.#cachedLength > MAX_CACHED_LENGTH) {
      this.#chunks.clear()
      this.#cachedLength = 0
    }
    this.#chunks.set(key, chunk)
    this.#cachedLength += chunk.length
    return chunk
  }

  #chunkOf(list: readonly BatchFrame[], format: FrameFormat): Chunk {
    let text = ''
    let events = 0
    let gaps: GapReason[] | undefined
    for (let i = 0; i < list.length; i += 1) {
      const frame = list[i] as BatchFrame
      if (frame.gap === undefined) events += 1
      // Of consecutive gaps the last one covers the others.
      else if (list[i + 1]?.gap !== undefined) continue
      else gaps = [...(gaps ?? []), frame.gap]
      text += format === STANDARD ? frame.text : textIn(format, frame)
    }
    this.work += list.length * FRAME_WORK + text.length
    return new Chunk(text, events, gaps)
  }
}

function textIn(format: FrameFormat, { entry, text }: BatchFrame): string {
  if (entry === undefined) return format.own(text)
  return format.event(text, entry.stream, entry.kind === 'event' ? entry.event : undefined)
}
