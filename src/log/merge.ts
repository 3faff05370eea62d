import type { Deque } from './deque.ts'

interface Indexed {
  readonly index: number
}

/** A queue of log entries, and the place of the next one to read. */
interface Cursor<T extends Indexed> {
  readonly queue: Deque<T>
  next: number
  /** The log index of the next entry. */
  index: number
}

/** Entries of several queues in order of their log index, by a binary heap: a step costs the logarithm of the queues. */
export function* merge<T extends Indexed>(
  queues: Iterable<{ readonly queue: Deque<T>; readonly from: number }>,
): Generator<T> {
  const heap: Cursor<T>[] = []
  for (const { queue, from } of queues) {
    const first = queue.at(from)
    if (first !== undefined) heap.push({ queue, next: from, index: first.index })
  }
  for (let i = (heap.length >>> 1) - 1; i >= 0; i -= 1) siftDown(heap, i)
  for (let top = heap[0]; top !== undefined; top = heap[0]) {
    const { queue, next } = top
    yield queue.at(next) as T
    const following = queue.at(next + 1)
    if (following === undefined) {
      const last = heap.pop() as Cursor<T>
      if (heap.length === 0) return
      if (last !== top) heap[0] = last
    } else {
      top.next = next + 1
      top.index = following.index
    }
    siftDown(heap, 0)
  }
}

function siftDown<T extends Indexed>(heap: Cursor<T>[], start: number): void {
  const moved = heap[start] as Cursor<T>
  let i = start
  for (let child = 2 * i + 1; child < heap.length; child = 2 * i + 1) {
    if (child + 1 < heap.length && (heap[child + 1] as Cursor<T>).index < (heap[child] as Cursor<T>).index)
      child += 1
    const smaller = heap[child] as Cursor<T>
    if (smaller.index >= moved.index) break
    heap[i] = smaller
    i = child
  }
  heap[i] = moved
}
