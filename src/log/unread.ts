import type { Deque } from './deque.ts'
import type { LogItem } from './items.ts'
import type { Log } from './log.ts'
import { merge } from './merge.ts'

interface Walk {
  queues: { queue: Deque<LogItem>; from: number }[]
  entries: number
}

/**
 * Entries that a reader of `streams` at `position` may lack, in order of arrival from the index `cursor` on. It walks
 * the queues of the streams or, where those hold more entries, the queues of the epochs of which the reader lacks
 * something: so entries of other streams, and entries that the reader has, can be among them.
 */
export function unread(
  log: Log,
  streams: readonly string[],
  cursor: number,
  position: ReadonlyMap<string, number>,
): Iterable<LogItem> {
  const byStream = streamWalk(log, streams, cursor)
  // Entries without an epoch are in the queues of their streams alone.
  if (log.hasV1) return merge(byStream.queues)
  const byEpoch = epochWalk(log, position, byStream.entries)
  return merge(byEpoch.entries < byStream.entries ? byEpoch.queues : byStream.queues)
}

function streamWalk(log: Log, streams: readonly string[], cursor: number): Walk {
  const walk: Walk = { queues: [], entries: 0 }
  for (const queue of log.queues(streams)) {
    const from = queue.lowerBound((item) => item.index >= cursor)
    walk.queues.push({ queue, from })
    walk.entries += queue.length - from
  }
  return walk
}

/** Stops where it has found `enough` entries. */
function epochWalk(log: Log, position: ReadonlyMap<string, number>, enough: number): Walk {
  const walk: Walk = { queues: [], entries: 0 }
  for (const [epoch, { items: queue, have }] of log.epochs.all) {
    const seq = position.get(epoch) ?? 0
    if (have <= seq || queue.length === 0) continue
    const from = queue.lowerBound((item) => item.seq > seq)
    walk.queues.push({ queue, from })
    walk.entries += queue.length - from
    if (walk.entries >= enough) return walk
  }
  return walk
}
