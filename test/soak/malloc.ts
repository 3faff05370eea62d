import { existsSync, readFileSync } from 'node:fs'

const SMAPS = '/proc/self/smaps'
/** glibc's arenas begin at multiples of this; V8's pages are far smaller, and begin elsewhere. */
const ARENA_BYTES = 64 * 1_048_576
const MAPPING = /^([0-9a-f]+)-[0-9a-f]+ (\S+) \S+ \S+ \S+ *(.*)$/
const RESIDENT = /^Rss:\s+(\d+) kB$/

/**
 * Memory of this process that `malloc` holds, in bytes: it shows a leak outside JavaScript. V8 maps its pages elsewhere,
 * and touches more and more of them. 0 without glibc or `/proc`.
 */
export function mallocBytes(): number {
  return existsSync(SMAPS) ? readMallocBytes(readFileSync(SMAPS, 'utf8')) : 0
}

/** The same of a text of the form of `/proc/PID/smaps`. */
export function readMallocBytes(smaps: string): number {
  let bytes = 0
  let isMalloc = false
  for (const line of smaps.split('\n')) {
    const mapping = MAPPING.exec(line)
    if (mapping !== null) {
      const [, start = '', permissions, name] = mapping
      const isArena = name === '' && permissions === 'rw-p' && Number.parseInt(start, 16) % ARENA_BYTES === 0
      isMalloc = name === '[heap]' || isArena
    } else if (isMalloc) {
      bytes += 1_024 * Number(RESIDENT.exec(line)?.[1] ?? 0)
    }
  }
  return bytes
}
