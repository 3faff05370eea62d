/**
 * An id is a position: `epoch` (5 characters) and `seq` (base 36) of each Pod, joined by dots, then a dash and a
 * check. A client that only resumes has no need to look inside; this page does, to draw which Pod an event is from.
 */
function readPosition(id) {
  const seqs = new Map()
  for (const part of id.slice(0, id.lastIndexOf('-')).split('.')) {
    const seq = Number.parseInt(part.slice(5), 36)
    if (seq > 0) seqs.set(part.slice(0, 5), seq)
  }
  return seqs
}

/** The key of the event whose own id this is, as a receipt has it. */
export function keyOf(id) {
  const [entry] = readPosition(id)
  return entry && { epoch: entry[0], seq: entry[1] }
}

/** The keys that the event between two positions may have: one, unless Pods that had nothing to send ticked. */
export function keysBetween(before, after) {
  const old = readPosition(before)
  const keys = []
  for (const [epoch, seq] of readPosition(after)) if (seq > (old.get(epoch) ?? 0)) keys.push({ epoch, seq })
  return keys
}
