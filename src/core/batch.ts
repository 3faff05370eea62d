import { eventFrame, type GapReason, gapFrame } from '../wire/frame.ts'
import { printPosition } from '../wire/position.ts'
import type { Audience } from './audience.ts'
import type { EventItem, LogItem } from './items.ts'
import type { Log } from './log.ts'
import type { Told } from './tally.ts'

/**
 * A batch ends with the event that takes it to this length, in UTF-16 units: about what a peer sends at once, so that
 * a burst stays one chunk. With many epochs each id alone is long, and the backlog is no measure of what it becomes.
 */
const FULL_LENGTH = 1_048_576
/** Items that a batch goes through, whether or not anybody wants them. */
const MAX_ITEMS = 16_384

const encoder = new TextEncoder()

interface Framed {
  /** Undefined: it concerns every connection. */
  stream: string | undefined
  /** Why, if it tells of a gap and not an event. */
  gap: GapReason | undefined
  text: string
  /** What an audience gets that gets only this. */
  chunk?: Chunk
}

/** What of a batch one audience gets; every connection of the audience shares it. */
export interface Chunk extends Told {
  bytes: Uint8Array
}

/**
 * What arrived in the log since the last flush, or as much of it as makes one go, as chunks that connections share:
 * each event is framed once, and each set of streams that somebody listens on is encoded once.
 */
export class Batch {
  readonly from: number
  readonly to: number
  /** The wanted streams with something new; undefined where every connection is concerned. */
  readonly streams: ReadonlySet<string> | undefined
  /** The events that are delivered and came with a `traceparent`. */
  readonly traced: EventItem[] = []
  readonly #framed: Framed[] = []
  readonly #chunks = new Map<Audience, Chunk | undefined>()

  constructor(log: Log, from: number, now: number, isWanted: (stream: string) => boolean) {
    this.from = from
    const start = Math.max(from, log.tail)
    const whole = Math.max(start, log.wholeFrom)
    const position = log.positionAt(whole, now)
    const print = () => (log.history ? printPosition(position) : undefined)
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
    for (; index < log.head && index - whole < MAX_ITEMS && length < FULL_LENGTH; index += 1) {
      const item = log.at(index) as LogItem
      const isNews = item.kind === 'event' && isWanted(item.stream)
      if (isNews) streams.add(item.stream)
      // Before the position moves past this event: who gets the gap alone must not be taken to have it.
      if (isNews && item.msg !== undefined) tell()
      if (index >= whole && item.epoch !== undefined) position.set(item.epoch, item.seq)
      if (item.kind === 'hole') {
        // It concerns everybody, and says all that the gaps before it say.
        gaps.clear()
        gaps.set(undefined, 'hole')
      }
      if (!isNews) continue
      if (item.msg === undefined) {
        gaps.delete(item.stream)
        gaps.set(item.stream, 'trimmed')
      } else if (log.keys.isFirst(item)) {
        if (item.traceparent !== undefined) this.traced.push(item)
        const id = item.epoch === undefined ? undefined : print()
        frame(item.stream, undefined, eventFrame({ id, event: item.event, msg: item.msg }))
      }
    }
    tell()
    this.to = index
    this.streams = this.#framed.some(({ stream }) => stream === undefined) ? undefined : streams
  }

  /** The chunk for those who listen on the audience's streams; undefined when nothing is new for them. */
  chunk(audience: Audience): Chunk | undefined {
    if (this.#chunks.has(audience)) return this.#chunks.get(audience)
    const told: Framed[] = []
    for (const framed of this.#framed) {
      if (framed.stream !== undefined && !audience.streams.includes(framed.stream)) continue
      // Of gaps that follow each other the last says it all.
      if (framed.gap !== undefined && told.at(-1)?.gap !== undefined) told.pop()
      told.push(framed)
    }
    const chunk = encode(told)
    this.#chunks.set(audience, chunk)
    return chunk
  }
}

function encode(told: readonly Framed[]): Chunk | undefined {
  const [first] = told
  if (first === undefined) return undefined
  // One event, or a gap that concerns all: then many audiences get the same.
  if (told.length === 1 && first.chunk !== undefined) return first.chunk
  let text = ''
  let gaps: GapReason[] | undefined
  for (const framed of told) {
    text += framed.text
    if (framed.gap !== undefined) gaps = [...(gaps ?? []), framed.gap]
  }
  const chunk = { bytes: encoder.encode(text), events: told.length - (gaps?.length ?? 0), gaps }
  if (told.length === 1) first.chunk = chunk
  return chunk
}
