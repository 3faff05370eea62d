/** A condition that takes longer asks another process, which needs the core for itself in the meantime. */
const CHEAP_MS = 2
const MAX_EVERY_MS = 50

/**
 * Limit of a wait for what happens on any machine, however busy. A shorter limit is a promise of the library. The time
 * limit of a test is longer, so that the error names what did not happen.
 */
export const WAIT_MS = 60_000

/**
 * Waits until `condition` holds: checks it every `everyMs` milliseconds, or less often if a check takes long. Throws
 * after `ms` milliseconds, with `label` in the message.
 */
export async function until(
  label: string,
  condition: () => boolean | Promise<boolean>,
  ms = WAIT_MS,
  everyMs = 1,
): Promise<void> {
  const end = performance.now() + ms
  for (;;) {
    const start = performance.now()
    if (await condition()) return
    const now = performance.now()
    if (now > end) throw new Error(`Waited ${ms} ms in vain: ${label}`)
    const tookMs = now - start
    const pauseMs = tookMs > CHEAP_MS ? Math.max(everyMs, Math.min(4 * tookMs, MAX_EVERY_MS)) : everyMs
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}

/** Resolves as `promise` does. Throws after `ms` milliseconds, with `label` in the message. */
export async function within<T>(label: string, promise: Promise<T>, ms = WAIT_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Waited ${ms} ms in vain: ${label}`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
