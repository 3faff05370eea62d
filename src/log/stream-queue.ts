import { Deque } from './deque.ts'
import type { LogEntry } from './entry.ts'

/** Approximate memory of a stream that has an event in the log: its queue, and its place in the index. */
const STREAM_BYTES = 360

/** The events of one stream in the log, in order of arrival; without a stream: all other entries. */
export class StreamQueue extends Deque<LogEntry> {
  readonly stream: string | undefined
  /** True if an earlier event of the stream has left the log. */
  isTrimmed = false
  /** Memory of its entries that may be evicted, in bytes: 0 if there is none, else with {@link overhead}. */
  settledBytes = 0
  /** Place in the heap of {@link LargeStreams}; -1 outside. */
  place = -1

  constructor(stream: string | undefined) {
    super()
    this.stream = stream
  }

  /** Memory of the queue itself, in bytes. */
  get overhead(): number {
    return this.stream === undefined ? 0 : STREAM_BYTES
  }
}
