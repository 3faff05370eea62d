import type { DeliveryCounts } from '../telemetry/counters.ts'
import { byteLength, isLongerThan } from '../wire/names.ts'
import type { GapReason } from '../wire/sse-frame.ts'

const encoder = new TextEncoder()

/**
 * The frames of a batch for some audiences. The first connection can have it as a text, because a sink may have a shorter
 * way from a text to the socket; for the others it is encoded once, and they share the bytes.
 */
export class Chunk implements DeliveryCounts {
  readonly events: number
  readonly gaps: readonly GapReason[] | undefined
  /** In UTF-16 units. */
  readonly length: number
  /** Number of connections that wait for their clients to take the bytes. */
  holders = 0
  #text: string
  #isTaken = false
  #bytes: Uint8Array | undefined

  constructor(text: string, events: number, gaps: readonly GapReason[] | undefined) {
    this.#text = text
    this.length = text.length
    this.events = events
    this.gaps = gaps
  }

  /** Returns the text at the first call; then undefined. */
  takeText(): string | undefined {
    if (this.#isTaken || this.#bytes !== undefined) return undefined
    this.#isTaken = true
    return this.#text
  }

  get bytes(): Uint8Array {
    if (this.#bytes === undefined) {
      this.#bytes = encoder.encode(this.#text)
      // Clients that read slowly may hold the bytes for long.
      this.#text = ''
    }
    return this.#bytes
  }

  get byteLength(): number {
    return this.#bytes?.byteLength ?? byteLength(this.#text)
  }

  /** Returns whether it exceeds `limit` bytes; counts them only where the length of the text does not decide. */
  isLongerThan(limit: number): boolean {
    return this.#bytes === undefined ? isLongerThan(this.#text, limit) : this.#bytes.byteLength > limit
  }
}
