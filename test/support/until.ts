/**
 * Waits until `condition` holds, which is asked every `everyMs` milliseconds; after `ms` milliseconds it throws, naming
 * what was waited for.
 */
export async function until(
  label: string,
  condition: () => boolean | Promise<boolean>,
  ms = 2_000,
  everyMs = 1,
): Promise<void> {
  const end = performance.now() + ms
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`Waited ${ms} ms in vain: ${label}`)
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}

/** What `promise` resolves to; after `ms` milliseconds it throws, naming what was waited for. */
export async function within<T>(label: string, promise: Promise<T>, ms = 2_000): Promise<T> {
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
