// Messages that say which one they are, so that a client can tell that it got each of them, whole, once, in order.

/** Prefix of each message. No framing, id or comment of any server contains it. */
export const MARK = '<'
const made = new Map<string, Buffer>()

/** The `k`th message, of exactly so many bytes. */
export function message(k: number, bytes: number): Buffer {
  const key = `${k} ${bytes}`
  let buffer = made.get(key)
  if (buffer === undefined) {
    const start = `${MARK}${k}|`
    buffer = Buffer.from(`${start.padEnd(bytes - 1, 'x')}>`)
    // The last few are all that is asked for again.
    if (made.size > 100) made.clear()
    made.set(key, buffer)
  }
  return buffer
}
