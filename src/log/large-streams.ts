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

/** The streams that take more than `minBytes`, as a binary heap with the largest first: its size is bounded by that. */
export class LargeStreams {
  readonly #minBytes: number
  readonly #heap: StreamQueue[] = []

  constructor(minBytes: number) {
    this.#minBytes = minBytes
  }

  get largest(): StreamQueue | undefined {
    return this.#heap[0]
  }

  /** The streams, in no order. */
  get all(): readonly StreamQueue[] {
    return this.#heap
  }

  /** The bytes of a stream have changed. */
  update(queue: StreamQueue): void {
    const heap = this.#heap
    if (queue.settledBytes > this.#minBytes) {
      if (queue.place === -1) queue.place = heap.push(queue) - 1
      this.#siftUp(queue)
      this.#siftDown(queue)
    } else if (queue.place !== -1) {
      const { place } = queue
      queue.place = -1
      const last = heap.pop() as StreamQueue
      if (last === queue) return
      this.#put(last, place)
      this.#siftUp(last)
      this.#siftDown(last)
    }
  }

  #put(queue: StreamQueue, place: number): void {
    this.#heap[place] = queue
    queue.place = place
  }

  #siftUp(queue: StreamQueue): void {
    let { place } = queue
    while (place > 0) {
      const parent = this.#heap[(place - 1) >>> 1] as StreamQueue
      if (parent.settledBytes >= queue.settledBytes) break
      this.#put(parent, place)
      place = (place - 1) >>> 1
    }
    this.#put(queue, place)
  }

  #siftDown(queue: StreamQueue): void {
    const heap = this.#heap
    let { place } = queue
    for (let child = 2 * place + 1; child < heap.length; child = 2 * place + 1) {
      const right = heap[child + 1]
      if (right !== undefined && right.settledBytes > (heap[child] as StreamQueue).settledBytes) child += 1
      const larger = heap[child] as StreamQueue
      if (larger.settledBytes <= queue.settledBytes) break
      this.#put(larger, place)
      place = child
    }
    this.#put(queue, place)
  }
}
