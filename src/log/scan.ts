import type { Deque } from './deque.ts'
import type { LogEntry } from './entry.ts'
import type { Log } from './log.ts'

interface Indexed {
  readonly index: number
}

/** Queues to read, each from one place on, and the number of entries in them. */
interface ScanPlan {
  queues: { queue: Deque<LogEntry>; from: number }[]
  entries: number
}

/**
 * Entries that a reader of `streams` at `position` may lack, in order of arrival from the index `cursor` on. It reads
 * the queues of the streams or, if they hold more entries, the queues of the epochs that the reader is behind in:
 * so the result can include entries of other streams, and entries that the reader already has.
 */
export function scan(
  log: Log,
  streams: readonly string[],
  cursor: number,
  position: ReadonlyMap<string, number>,
): Iterable<LogEntry> {
  const byStream = planByStream(log, streams, cursor)
  if (log.indexes.hasUnnumbered) return mergeByIndex(byStream.queues)
  const byEpoch = planByEpoch(log, position, byStream.entries)
  return mergeByIndex(byEpoch.entries < byStream.entries ? byEpoch.queues : byStream.queues)
}

function planByStream(log: Log, streams: readonly string[], cursor: number): ScanPlan {
  const plan: ScanPlan = { queues: [], entries: 0 }
  for (const queue of log.indexes.queues(streams)) {
    const from = queue.lowerBound((entry) => entry.index >= cursor)
    plan.queues.push({ queue, from })
    plan.entries += queue.length - from
  }
  return plan
}

/** Returns as soon as the plan has `limit` entries, because the other plan is then no longer. */
function planByEpoch(log: Log, position: ReadonlyMap<string, number>, limit: number): ScanPlan {
  const plan: ScanPlan = { queues: [], entries: 0 }
  for (const [epoch, { entries: queue, have }] of log.epochs.all) {
    const seq = position.get(epoch) ?? 0
    if (have <= seq || queue.length === 0) continue
    const from = queue.lowerBound((entry) => entry.seq > seq)
    plan.queues.push({ queue, from })
    plan.entries += queue.length - from
    if (plan.entries >= limit) return plan
  }
  return plan
}

/** A queue of log entries, and the place of the next one to read. */
interface Cursor<T extends Indexed> {
  readonly queue: Deque<T>
  next: number
  /** The log index of the next entry. */
  index: number
}

/** K-way merge of queues by log index with a binary heap: a step costs the logarithm of the number of queues. */
export function* mergeByIndex<T extends Indexed>(
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
