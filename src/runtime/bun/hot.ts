/** `bun --hot` evaluates the app anew after each save, in the same process and on the same ports. */
export const isHot: boolean = process.execArgv.includes('--hot')

interface Generation {
  /** Tells one evaluation of this module from the next. */
  of: object
  retire: () => void
}

const generations = Symbol.for('sser.hot')
const thisGeneration = {}

/**
 * Under `bun --hot`: retires the server that an earlier evaluation of the app has started with the same `key`, because its
 * clients would get heartbeats and no events from it. `retire` is called when a later evaluation does the same.
 */
export function replacePrevious(key: string, retire: () => void): void {
  if (!isHot) return
  const shared = globalThis as { [generations]?: Map<string, Generation> }
  shared[generations] ??= new Map()
  const previous = shared[generations].get(key)
  shared[generations].set(key, { of: thisGeneration, retire })
  if (previous !== undefined && previous.of !== thisGeneration) previous.retire()
}
