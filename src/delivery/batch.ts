import type { EventEntry, LogEntry } from '../log/entry.ts'
import type { Log } from '../log/log.ts'
import type { DeliveryCounts } from '../telemetry/counters.ts'
import { eventFrame, type GapReason, gapFrame } from '../wire/frame.ts'
import type { Audience } from './audience.ts'

/**
 * A batch ends with the event that takes it to this length, in UTF-16 units: about what a peer sends at once, so that
 * a burst stays one chunk. With many epochs each id alone is long, and the backlog is no measure of what it becomes.
 */
const FULL_LENGTH = 1_048_576
/** Encoded chunks are kept for the next audience up to this size, in bytes. */
const MAX_CACHED_BYTES = 4_194_304
/** Work of writing to one connection. The unit is the work of joining one byte. */
export const WRITE_WORK = 8_192
/** Work of joining one frame. */
const FRAME_WORK = 128
/** Items that a batch goes through, whether or not anybody wants them. */
const MAX_ITEMS = 16_384

const encoder = new TextEncoder()

interface Framed {
  /** Undefined: it concerns every connection. */
  stream: string | undefined
  /** Why, if it tells of a gap and not an event. */
  gap: GapReason | undefined
  text: string
}

/** The part of a batch that some audiences get; all their connections share it. */
export interface Chunk extends DeliveryCounts {
  bytes: Uint8Array
  /** Connections that were written it and whose clients have not taken it yet. */
  holders: number
}

/**
 * What arrived in the log since the last flush, or as much of it as makes one go, as chunks that connections share:
 * each event is framed once, and audiences for whom the same streams bring something new share one encoding.
 */
export class Batch {
  readonly from: number
  readonly to: number
  /** The wanted streams with something new; undefined where every connection is concerned. */
  readonly streams: ReadonlySet<string> | undefined
  /** The events that are delivered and came with a `traceparent`. */
  readonly traced: EventEntry[] = []
  /** Work that it took to encode chunks; the hub counts it, and sets it back. A whole number, which V8 does not allocate. */
  work = 0
  readonly #framed: Framed[] = []
  /** By the streams of an audience that have something new here. */
  readonly #chunks = new Map<string, Chunk | undefined>()
  #cachedBytes = 0
  /** The audience that was asked for last, and its chunk: the hub offers a batch to the connections of one after another. */
  #latest: Audience | undefined
  #latestChunk: Chunk | undefined
  readonly #hasNews: ReadonlySet<string>

  constructor(log: Log, from: number, now: number, isWanted: (stream: string) => boolean) {
    this.from = from
    const start = Math.max(from, log.firstIndex)
    const whole = Math.max(start, log.firstCompleteIndex)
    const position = log.positionAt(whole, now)
    const print = () => (log.isResumable ? log.eventIds.format(position) : undefined)
    const streams = new Set<string>()
    /** By stream, those that are to be told before the next event: they all go on from the same position. */
    const gaps = new Map<string | undefined, GapReason>()
    let length = 0
    const frame = (stream: string | undefined, gap: GapReason | undefined, text: string) => {
      this.#framed.push({ stream, gap, text })
      length += text.length
    }
    const tell = () => {
      if (gaps.size === 0) return
      const id = print()
      for (const [stream, reason] of gaps) frame(stream, reason, gapFrame(id, reason))
      gaps.clear()
    }
    if (from < start) gaps.set(undefined, 'trimmed')
    let index = start
    // What lost its message is never parted: its gaps speak of all of it.
    for (; index < log.nextIndex && index - whole < MAX_ITEMS && length < FULL_LENGTH; index += 1) {
      const entry = log.at(index) as LogEntry
      const isNews = entry.kind === 'event' && isWanted(entry.stream)
      if (isNews) streams.add(entry.stream)
      // Before the position moves past this event: who gets the gap alone must not be taken to have it.
      if (isNews && entry.msg !== undefined) tell()
      if (index >= whole && entry.epoch !== undefined) position.set(entry.epoch, entry.seq)
      if (entry.kind === 'hole') {
        // It concerns everybody, and says all that the gaps before it say.
        gaps.clear()
        gaps.set(undefined, 'peer-loss')
      }
      if (!isNews) continue
      if (entry.msg === undefined) {
        gaps.delete(entry.stream)
        gaps.set(entry.stream, 'trimmed')
      } else if (log.idempotencyKeys.isFirst(entry)) {
        if (entry.traceparent !== undefined) this.traced.push(entry)
        const id = entry.epoch === undefined ? undefined : print()
        frame(entry.stream, undefined, eventFrame({ id, event: entry.event, msg: entry.msg }))
      }
    }
    tell()
    this.to = index
    this.#hasNews = streams
    this.streams = this.#framed.some(({ stream }) => stream === undefined) ? undefined : streams
  }

  /** The chunk for connections of the audience; undefined when nothing is new for them. */
  chunk(audience: Audience): Chunk | undefined {
    if (audience !== this.#latest) {
      this.#latestChunk = this.#find(audience)
      this.#latest = audience
    }
    return this.#latestChunk
  }

  #find({ streams }: Audience): Chunk | undefined {
    const news = streams.filter((stream) => this.#hasNews.has(stream))
    const key = news.join('\n')
    const known = this.#chunks.get(key)
    if (known !== undefined || this.#chunks.has(key)) return known
    const chunk = this.#encode(new Set(news))
    if (this.#cachedBytes > MAX_CACHED_BYTES) {
      this.#chunks.clear()
      this.#cachedBytes = 0
    }
    this.#chunks.set(key, chunk)
    this.#cachedBytes += chunk?.bytes.byteLength ?? 0
    return chunk
  }

  #encode(streams: ReadonlySet<string>): Chunk | undefined {
    const told: Framed[] = []
    for (const framed of this.#framed) {
      if (framed.stream !== undefined && !streams.has(framed.stream)) continue
      // Of gaps that follow each other the last says it all.
      if (framed.gap !== undefined && told.at(-1)?.gap !== undefined) told.pop()
      told.push(framed)
    }
    const chunk = encode(told)
    this.work += (this.#framed.length + told.length) * FRAME_WORK + (chunk?.bytes.byteLength ?? 0)
    return chunk
  }
}

function encode(told: readonly Framed[]): Chunk | undefined {
  if (told.length === 0) return undefined
  let text = ''
  let gaps: GapReason[] | undefined
  for (const framed of told) {
    text += framed.text
    if (framed.gap !== undefined) gaps = [...(gaps ?? []), framed.gap]
  }
  return { bytes: encoder.encode(text), events: told.length - (gaps?.length ?? 0), gaps, holders: 0 }
}
