import { expect, test } from 'vitest'
import { readMallocBytes } from './malloc.ts'

const SMAPS = `00400000-01000000 r-xp 00000000 00:10 17   /usr/bin/node
Size:              12288 kB
Rss:                8000 kB
05000000-06000000 rw-p 00000000 00:00 0    [heap]
Size:              16384 kB
Rss:                 100 kB
Pss:                 100 kB
7f0004000000-7f0004100000 rw-p 00000000 00:00 0
Rss:                  20 kB
7f0004100000-7f0008000000 ---p 00000000 00:00 0
Rss:                   0 kB
7f0010000000-7f0010010000 rwxp 00000000 00:00 0
Rss:                3000 kB
7f0011040000-7f0011080000 rw-p 00000000 00:00 0
Rss:                 256 kB
`

test('counts the heap of the system and the arenas beside it, and no page of V8', () => {
  expect(readMallocBytes(SMAPS)).toBe(120 * 1_024)
})
