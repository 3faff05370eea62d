import { withEntry } from './mutate.ts'
import type { Json, Surface } from './surface.ts'
import { faultOf } from './try.ts'

/** For so long at most; an input need not be the shortest, only short. */
const MAX_MS = 4_000

/** An input that is smaller, and fails in the same way. */
export async function shrink(surface: Surface, input: Json, fault: string): Promise<Json> {
  const kind = kindOf(fault)
  let best = input
  const end = performance.now() + MAX_MS
  for (let isSmaller = true; isSmaller; ) {
    isSmaller = false
    for (const candidate of smaller(best)) {
      if (performance.now() > end) return best
      const found = await faultOf(surface, candidate)
      if (found === undefined || kindOf(found) !== kind) continue
      best = candidate
      isSmaller = true
      break
    }
  }
  return best
}

/** A fault's first line without its names and numbers. */
function kindOf(fault: string): string {
  return (fault.split('\n', 1)[0] as string).replaceAll(/\w*\d\w*/g, '#').slice(0, 60)
}

function* smaller(value: Json): Generator<Json> {
  if (typeof value === 'string') {
    for (let size = Math.ceil(value.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
      for (let at = 0; at < value.length; at += size) yield value.slice(0, at) + value.slice(at + size)
    }
  } else if (Array.isArray(value)) {
    for (let size = Math.ceil(value.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
      for (let at = 0; at < value.length; at += size) yield value.toSpliced(at, size)
    }
    for (const [i, item] of value.entries()) for (const less of smaller(item)) yield value.with(i, less)
  } else if (typeof value === 'object' && value !== null) {
    for (const key of Object.keys(value)) {
      const { [key]: _, ...rest } = value
      yield rest
    }
    for (const [key, item] of Object.entries(value))
      for (const less of smaller(item)) yield withEntry(value, key, less)
  }
}
