import { eventFrame, gapFrame } from '../wire/frame.ts'
import { printPosition } from '../wire/position.ts'
import type { EventItem, Log, LogItem } from './log.ts'

const encoder = new TextEncoder()

interface Framed {
  /** Undefined: a gap, which concerns every connection. */
  stream: string | undefined
  text: () => string
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
  readonly #framed: Framed[] = []
  readonly #chunks = new Map<string, Uint8Array | undefined>()

  constructor(log: Log, from: number, now: number, isWanted: (stream: string) => boolean) {
    this.from = from
    this.to = log.head
    const start = Math.max(from, log.tail)
    const position = log.positionAt(start, now)
    let everyone = false
    const gap = (reason: 'trimmed' | 'hole') => {
      const id = printPosition(position)
      everyone = true
      this.#framed.push({ stream: undefined, text: () => gapFrame(id, reason) })
    }
    if (from < start) gap('trimmed')
    const streams = new Set<string>()
    for (let index = start; index < this.to; index += 1) {
      const item = log.at(index) as LogItem
      if (item.epoch !== undefined) position.set(item.epoch, item.seq)
      if (item.kind === 'hole') gap('hole')
      if (item.kind !== 'event' || !isWanted(item.stream)) continue
      streams.add(item.stream)
      this.#framed.push({ stream: item.stream, text: once(item, item.epoch && printPosition(position)) })
    }
    this.streams = everyone ? undefined : streams
  }

  /** The chunk for connections that listen on `streams`; undefined when nothing is new for them. */
  chunk(key: string, streams: readonly string[]): Uint8Array | undefined {
    if (this.#chunks.has(key)) return this.#chunks.get(key)
    let text = ''
    for (const framed of this.#framed) {
      if (framed.stream === undefined || streams.includes(framed.stream)) text += framed.text()
    }
    const chunk = text === '' ? undefined : encoder.encode(text)
    this.#chunks.set(key, chunk)
    return chunk
  }
}

function once(item: EventItem, id: string | undefined): () => string {
  let text: string | undefined
  return () => {
    text ??= eventFrame({ id, event: item.event, msg: item.msg })
    return text
  }
}
