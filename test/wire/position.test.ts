import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  formatEntries,
  formatPosition,
  isEpoch,
  parsePosition,
  randomEpoch,
} from '../../src/wire/position.ts'
import { SEED, seededRandom } from '../support/messages.ts'
import { check } from '../support/property.ts'

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

const epoch = fc.stringMatching(/^[0-9A-Za-z]{5}$/)
const seq = fc.oneof(
  fc.integer({ min: 1, max: 100_000 }),
  fc.maxSafeInteger().map((n) => Math.abs(n) || 1),
)
const claim = fc.record({ seq, carriedMs: fc.option(fc.nat(), { nil: undefined }) })
const claims = fc
  .array(fc.tuple(epoch, claim), { minLength: 1, maxLength: 20 })
  .map((entries) => new Map(entries))

type Claims = ReadonlyMap<string, { seq: number; carriedMs: number | undefined }>

function print(position: Claims): string {
  const carried = [...position].flatMap(([name, { carriedMs }]): [string, number][] =>
    carriedMs === undefined ? [] : [[name, carriedMs]],
  )
  return formatPosition(
    [...position].map(([name, { seq }]) => [name, seq]),
    new Map(carried),
  )
}

/** Ids of a fleet of up to six Pods. */
function someIds(count: number): string[] {
  const random = seededRandom(SEED)
  return Array.from({ length: count }, () =>
    formatPosition(
      Array.from({ length: 1 + Math.floor(random() * 6) }, () => [
        randomEpoch(random),
        1 + Math.floor(random() * 1e6),
      ]),
    ),
  )
}

describe('an id', () => {
  it('parses to the position that it was formatted from', () => {
    check(claims, (position) => {
      expect(parsePosition(print(position))).toEqual(position)
    })
  })

  it('parses to all of its entries if it begins with a prefix', () => {
    check(claims, (position) => {
      const entries = [...position].map(
        ([name, { seq, carriedMs }], i): [string, number, number, boolean] => [
          name,
          seq,
          carriedMs ?? i,
          carriedMs !== undefined,
        ],
      )
      const [carried, own] = [entries.filter((entry) => entry[3]), entries.filter((entry) => !entry[3])]
      const prefix = formatEntries((add) => {
        for (const [name, seq, ms] of carried) add(name, seq, ms)
      })
      const id = formatPosition(
        own.map(([name, seq]) => [name, seq]),
        undefined,
        undefined,
        carried.length === 0 ? undefined : prefix,
      )
      expect(parsePosition(id)).toEqual(position)
    })
  })

  it('is printable ASCII without spaces', () => {
    check(claims, (position) => {
      expect(print(position)).toMatch(/^[!-~]+$/)
    })
  })

  it('is shorter than a UUID for a new fleet of three Pods', () => {
    const position: [string, number][] = ['aaaaa', 'bbbbb', 'ccccc'].map((name) => [name, 12_345])
    expect(formatPosition(position).length).toBeLessThan(36)
  })

  it.each([
    ['a Go Pod’s integer', '17'],
    ['nothing', ''],
    ['a dash', '-'],
    ['a UUID', '5f0c6b5e-2f7a-4c62-9d0a-4b6d8d3c1a77'],
    ['a ULID', '01ARZ3NDEKTSV4RRFFQ69G5FAV'],
    ['a nanoid', 'V1StGXR8_Z5jdHi6B-myT'],
    ['hex', 'deadbeefdeadbeefdeadbeefdeadbeef'],
    ['a timestamp', '2024-05-01T00:00:00.000Z'],
    ['a Redis id', '1526919030474-55'],
    ['emoji', '😀😀😀-😀'],
    ['NUL', '\u0000'],
    ['JSON', '{"a":1}'],
    ['a path', '../../etc/passwd'],
    ['3 KB of noise', seededNoise(3_000)],
    ['64 KB of noise', seededNoise(65_536)],
  ])('that is %s is not ours', (_, foreign) => {
    expect(parsePosition(foreign)).toBeUndefined()
  })

  it('is rejected if it is random noise', () => {
    check(
      fc.string({ unit: 'binary', maxLength: 200 }),
      (noise) => {
        expect(parsePosition(noise)).toBeUndefined()
      },
      { numRuns: 2_000 },
    )
  })

  it('is rejected after a change of a single character', () => {
    const random = seededRandom(SEED)
    let altered = 0
    let slipped = 0
    for (const id of someIds(500)) {
      for (let at = 0; at < id.length; at += 1) {
        const other = BASE62[Math.floor(random() * 62)] as string
        if (other === id[at]) continue
        altered += 1
        if (parsePosition(id.slice(0, at) + other + id.slice(at + 1)) !== undefined) slipped += 1
      }
    }
    expect(altered).toBeGreaterThan(15_000)
    // One random id in 238,328 passes, so most likely none of these.
    expect(slipped).toBeLessThanOrEqual(1)
  })

  it('is rejected if it was cut or extended', () => {
    let slipped = 0
    for (const id of someIds(500)) {
      for (let length = 0; length < id.length; length += 1) {
        if (parsePosition(id.slice(0, length)) !== undefined) slipped += 1
        if (parsePosition(id.slice(length + 1)) !== undefined) slipped += 1
      }
      if (parsePosition(`${id}0`) !== undefined) slipped += 1
    }
    expect(slipped).toBeLessThanOrEqual(1)
  })

  it('is rejected if it names an epoch twice, or too large a seq', () => {
    expect(
      parsePosition(
        formatPosition([
          ['aaaaa', 1],
          ['aaaaa', 2],
        ]),
      ),
    ).toBeUndefined()
    expect(parsePosition(formatPosition([['aaaaa', 0]]))).toBeUndefined()
    expect(parsePosition(formatPosition([['aaaaa', Number.MAX_SAFE_INTEGER + 3]]))).toBeUndefined()
  })

  it('is not parsed beyond the length limit', () => {
    const id = formatPosition(Array.from({ length: 50 }, (_, i) => [`pod${10 + i}`, 1]))
    expect(parsePosition(id, id.length)?.size).toBe(50)
    expect(parsePosition(id, id.length - 1)).toBeUndefined()
    const heavy = formatPosition(Array.from({ length: 1_100 }, (_, i) => [`p${1_000 + i}`, 1]))
    expect(heavy.length).toBeGreaterThan(7_168)
    expect(parsePosition(heavy)).toBeUndefined()
  })
})

describe('an epoch', () => {
  it('is five random letters or digits', () => {
    const random = seededRandom(SEED)
    const drawn = Array.from({ length: 500 }, () => randomEpoch(random))
    expect(drawn.every(isEpoch)).toBe(true)
    expect(new Set(drawn).size).toBe(500)
    expect(new Set(drawn.join('')).size).toBe(62)
    expect(randomEpoch(() => 1 - 2 ** -32)).toBe('zzzzz')
  })

  it.each(['', 'abcd', 'abcdef', 'abc-e', 'abcd\n', 'äbcde'])('is not %j', (text) => {
    expect(isEpoch(text)).toBe(false)
  })
})

function seededNoise(length: number): string {
  const random = seededRandom(SEED)
  let noise = ''
  while (noise.length < length) noise += String.fromCharCode(33 + Math.floor(random() * 94))
  return noise
}
