import { formatPosition } from '../../src/wire/position.ts'

const UNCHECKED = '-?'
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** The id, with the check that it ought to have where it says `-?`, as docs/protocol.md has it. */
export function withCheck(id: string): string {
  if (!id.endsWith(UNCHECKED)) return id
  const text = id.slice(0, -UNCHECKED.length)
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  const rest = (hash >>> 0) % 238_328
  const digits = [rest % 62, Math.floor(rest / 62) % 62, Math.floor(rest / 3_844)].map(
    (digit) => DIGITS[digit],
  )
  return `${text}-${digits.join('')}`
}

/** Ids as clients have them. */
export const IDS: readonly string[] = [
  formatPosition([['aZ3k9', 17]]),
  formatPosition([
    ['aZ3k9', 17],
    ['Q0w8e', 1296],
  ]),
  formatPosition(
    [
      ['aZ3k9', 17],
      ['Q0w8e', 2 ** 53 - 1],
      ['m4Xy2', 5],
    ],
    new Map([['m4Xy2', 41_000]]),
  ),
  formatPosition(Array.from({ length: 40 }, (_, i) => [`e${String(i).padStart(4, '0')}`, i + 1] as const)),
]

/** The same without their checks, which {@link withCheck} adds: no change to an id would have the right one. */
export const UNCHECKED_IDS: readonly string[] = IDS.map((id) => id.replace(/-...$/, UNCHECKED))

/** Ids and parts of ids. */
export const ID_WORDS: readonly string[] = [
  ...IDS,
  '-',
  '.',
  '~',
  '~0',
  'aZ3k9',
  '2gosa7pa2gv',
  '2gosa7pa2gw',
  'zzzzzzzzzzz',
  '00000',
]

/** A v2 message as a Pod sends it. */
export const APPEND = {
  v: 2,
  epoch: 'peer1',
  position: { aZ3k9: 17, peer1: 4, m4Xy2: 5 },
  runs: [
    {
      epoch: 'peer1',
      prev: 0,
      idle: 0,
      events: [
        { seq: 1, age: 12, stream: 'a', msg: 'one', event: 'created', key: 'k1' },
        { seq: 2, age: 0 },
        { seq: 3, age: 0, disconnect: { stream: 'b', tag: 'user:ann' } },
        { seq: 4, age: 0, stream: 'a', msg: 'x', traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` },
      ],
    },
    {
      epoch: 'm4Xy2',
      prev: 4,
      floor: true,
      idle: 840,
      events: [{ seq: 5, age: 840, stream: 'b', msg: 'two\nlines' }],
    },
  ],
  ready: true,
  v1Age: 61_000,
}

/** The names in it. */
export const APPEND_WORDS: readonly string[] = [
  ...[
    'v',
    'epoch',
    'position',
    'runs',
    'prev',
    'floor',
    'idle',
    'events',
    'seq',
    'age',
    'stream',
    'msg',
    'event',
    'key',
  ],
  ...[
    'hydrate',
    'ready',
    'v1Age',
    'peer1',
    'm4Xy2',
    'own00',
    '__proto__',
    'sser-gap',
    '9007199254740992',
    '1e999',
  ],
]
