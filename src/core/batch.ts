import { eventFrame, type GapReason, gapFrame } from '../wire/frame.ts'
import { printPosition } from '../wire/position.ts'
import type { Audience } from './audience.ts'
import type { EventItem, LogItem } from './items.ts'
import type { Log } from './log.ts'
import type { Told } from './tally.ts'

const encoder = new TextEncoder()

interface Framed {
  /** Undefined: it concerns every connection. */
  stream: string | undefined
  /** Why, if it tells of a gap and not an event. */
  gap: GapReason | undefined
  text: string
}

/** What of a batch one audience gets; every connection of the audience shares it. */
export interface Chunk extends Told {
  bytes: Uint8Array
}

/**
 * What arrived in the log since the last flush, as chunks that connections share: each event is framed once, and
 * each set of streams that somebody listens on is encoded once.
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
    this.to = log.head
    const start = Math.max(from, log.tail)
    const whole = Math.max(start, log.wholeFrom)
    const position = log.positionAt(whole, now)
    const print = () => (log.history ? printPosition(position) : undefined)
    const gap = (stream: string | undefined, reason: GapReason) => {
      this.#framed.push({ stream, gap: reason, text: gapFrame(print(), reason) })
    }
    const streams = new Set<string>()
    if (from < start) gap(undefined, 'trimmed')
    for (let index = start; index < this.to; index += 1) {
      const item = log.at(index) as LogItem
      if (index >= whole && item.epoch !== undefined) position.set(item.epoch, item.seq)
      if (item.kind === 'hole') gap(undefined, 'hole')
      if (item.kind !== 'event' || !isWanted(item.stream)) continue
      streams.add(item.stream)
      if (item.msg === undefined) gap(item.stream, 'trimmed')
      else if (log.keys.isFirst(item)) {
        if (item.traceparent !== undefined) this.traced.push(item)
        const id = item.epoch === undefined ? undefined : print()
        this.#framed.push({
          stream: item.stream,
          gap: undefined,
          text: eventFrame({ id, event: item.event, msg: item.msg }),
        })
      }
    }
    this.streams = this.#framed.some(({ stream }) => stream === undefined) ? undefined : streams
  }

  /** The chunk for those who listen on the audience's streams; undefined when nothing is new for them. */
  chunk(audience: Audience): Chunk | undefined {
    if (this.#chunks.has(audience)) return this.#chunks.get(audience)
    let text = ''
    let events = 0
    let gap: Framed | undefined
    let gaps: GapReason[] | undefined
    const tell = () => {
      if (gap?.gap === undefined) return
      text += gap.text
      gaps = [...(gaps ?? []), gap.gap]
      gap = undefined
    }
    for (const framed of this.#framed) {
      if (framed.stream !== undefined && !audience.streams.includes(framed.stream)) continue
      // Of gaps that follow each other the last says it all.
      if (framed.gap !== undefined) gap = framed
      else {
        tell()
        text += framed.text
        events += 1
      }
    }
    tell()
    const chunk = text === '' ? undefined : { bytes: encoder.encode(text), events, gaps }
    this.#chunks.set(audience, chunk)
    return chunk
  }
}
