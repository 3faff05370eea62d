import type { DeliveryCounts } from '../telemetry/counters.ts'
import { byteLength } from '../wire/names.ts'
import type { GapReason } from '../wire/sse-frame.ts'

const encoder = new TextEncoder()

/**
 * The frames of a batch for some audiences. It is a text while a single connection needs it, because a sink may have a
 * shorter way from a text to the socket; for several it is encoded, and they share the bytes.
 */
export class Chunk implements DeliveryCounts {
  readonly events: number
  readonly gaps: readonly GapReason[] | undefined
  /** Length of the text in UTF-16 units. */
  readonly length: number
  /** Empty once it is encoded, because clients that read slowly may hold the bytes for long. */
  text: string
  bytes: Uint8Array | undefined
  /** Number of connections that wait for their clients to take the bytes. */
  holders = 0

  constructor(text: string, events: number, gaps: readonly GapReason[] | undefined) {
    this.text = text
    this.length = text.length
    this.events = events
    this.gaps = gaps
  }

  /** Encodes it at the first call. */
  encoded(): Uint8Array {
    if (this.bytes === undefined) {
      this.bytes = encoder.encode(this.text)
      this.text = ''
    }
    return this.bytes
  }

  get byteLength(): number {
    return this.bytes?.byteLength ?? byteLength(this.text)
  }
}
