// Numbered messages, so that a client can verify that it received each of them complete, once and in order.

/** Prefix of each message. No framing, id or comment of any server contains it. */
export const MARK = '<'
const made = new Map<string, Buffer>()

/** Returns the `k`th message, of exactly `bytes` bytes. */
export function message(k: number, bytes: number): Buffer {
  const key = `${k} ${bytes}`
  let buffer = made.get(key)
  if (buffer === undefined) {
    const start = `${MARK}${k}|`
    buffer = Buffer.from(`${start.padEnd(bytes - 1, 'x')}>`)
    // Keeps the last few only, because older ones are not requested again.
    if (made.size > 100) made.clear()
    made.set(key, buffer)
  }
  return buffer
}
