import { Random } from '../simulation/random.ts'
import { HOSTILE_MESSAGES } from '../support/messages.ts'
import type { Json, Surface } from './surface.ts'

const NUMBERS: readonly number[] = [
  0,
  -0,
  1,
  -1,
  0.5,
  2,
  255,
  256,
  65_535,
  65_536,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  2 ** 53 - 2,
  2 ** 53 - 1,
  2 ** 53,
  2 ** 64,
  -(2 ** 53),
  1e21,
  1e308,
  -1e308,
  5e-324,
]
const KEYS = ['__proto__', 'constructor', 'toString', 'length', '', '0', 'then']
const TOKENS = ['\u0000', '\r', '\n', '\r\n', '\n\n', '"', '\\', '{', '}', '[', ']', ',', ':', '%', '&', '=']
const ODD_UNITS = ['\ud800', '\udfff', '\uFEFF', '\u2028', 'é', '漢', '😀', '\u0085', '\u007f', '\u00ff']
const MAX_MUTATIONS = 4
/** Repeated repetition would fill the memory. */
const MAX_LENGTH = 65_536
const DEEPEST = 300

/** An input, by its number: one from the corpus, and some changes to it. */
export function makeInput({ corpus, words = [] }: Surface, seed: number): Json {
  const random = new Random(seed)
  const mutation = new Mutation(random, corpus, words)
  let input = random.pick(corpus)
  for (let left = random.int(0, MAX_MUTATIONS); left > 0; left -= 1) input = mutation.of(input)
  return input
}

/** Changes to trees and texts. */
class Mutation {
  readonly #random: Random
  readonly #corpus: readonly Json[]
  readonly #words: readonly string[]

  constructor(random: Random, corpus: readonly Json[], words: readonly string[]) {
    this.#random = random
    this.#corpus = corpus
    this.#words = words
  }

  /** The same with one change somewhere in it. */
  of(value: Json): Json {
    const random = this.#random
    if (typeof value === 'string') return this.#text(value)
    if (typeof value !== 'object' || value === null)
      return random.chance(0.5) ? this.#number(value) : this.#any()
    const size = Array.isArray(value) ? value.length : Object.keys(value).length
    if (size === 0 || random.chance(0.15))
      return Array.isArray(value) ? this.#array(value) : this.#object(value)
    if (Array.isArray(value)) {
      const i = random.int(0, size - 1)
      return value.with(i, this.#node(value[i] as Json))
    }
    const key = random.pick(Object.keys(value))
    return withEntry(value, key, this.#node(value[key] as Json))
  }

  /** A part of a tree, changed or replaced. */
  #node(value: Json): Json {
    return this.#random.chance(0.1) ? this.#any() : this.of(value)
  }

  #any(): Json {
    const random = this.#random
    switch (random.int(0, 7)) {
      case 0:
        return random.pick(NUMBERS)
      case 1:
        return random.pick(HOSTILE_MESSAGES)
      case 2:
        return random.pick([null, true, false, '', [], {}] as const)
      case 3:
        return 'x'.repeat(random.pick([255, 256, 257, 4_096]))
      case 4:
        return nested(random.int(1, DEEPEST))
      case 5:
        return this.#words.length > 0 ? random.pick(this.#words) : random.int(0, 100)
      default:
        return part(random.pick(this.#corpus), random)
    }
  }

  #number(value: null | boolean | number): Json {
    if (typeof value !== 'number') return !value
    const random = this.#random
    if (random.chance(0.4)) return random.pick(NUMBERS)
    return value + random.pick([-1, 1, -2, 2, 0.5, 1_000, 60_000, 1e6])
  }

  #array(value: Json[]): Json[] {
    const random = this.#random
    const at = random.int(0, Math.max(0, value.length - 1))
    switch (random.int(0, 3)) {
      case 0:
        return value.toSpliced(at, random.int(1, 2))
      case 1:
        return value.toSpliced(at, 0, this.#any())
      case 2: {
        const again = value.slice(at, at + random.int(1, 3))
        const times = random.chance(0.02) ? 100 : random.int(1, 3)
        return value.length > 1_000 ? value : [...value, ...Array.from({ length: times }, () => again).flat()]
      }
      default: {
        const other = random.int(0, Math.max(0, value.length - 1))
        if (value.length < 2) return [...value, this.#any()]
        return value.with(at, value[other] as Json).with(other, value[at] as Json)
      }
    }
  }

  #object(value: { [key: string]: Json }): Json {
    const random = this.#random
    const keys = Object.keys(value)
    const key = keys.length > 0 ? random.pick(keys) : ''
    if (random.chance(0.4)) {
      const { [key]: _, ...rest } = value
      return rest
    }
    const pool = this.#words.length > 0 && random.chance(0.5) ? this.#words : KEYS
    return withEntry(value, random.pick(pool), random.chance(0.5) ? this.#any() : (value[key] ?? null))
  }

  #text(text: string): string {
    const random = this.#random
    // Text that is a tree is changed as one half of the time, and as text the other half.
    if ((text.startsWith('{') || text.startsWith('[')) && random.chance(0.6)) {
      const tree = parse(text)
      if (tree !== undefined) return JSON.stringify(this.of(tree))
    }
    const at = random.int(0, text.length)
    const to = Math.min(text.length, at + random.pick([1, 1, 2, 4, 16, 256]))
    switch (random.int(0, 8)) {
      case 0:
        return text.slice(0, at) + text.slice(to)
      case 1:
        return text.slice(0, at)
      case 2:
        return text.slice(0, at) + String.fromCharCode(random.int(0, 255)) + text.slice(at + 1)
      case 3:
        return text.slice(0, at) + random.pick(random.chance(0.5) ? TOKENS : ODD_UNITS) + text.slice(at)
      case 4: {
        const times = random.chance(0.02) ? 500 : random.int(1, 4)
        const again = text.slice(at, to).repeat(times)
        return text.length > MAX_LENGTH ? text : text.slice(0, to) + again + text.slice(to)
      }
      case 5:
        return text.slice(0, at) + random.pick(this.#words.length > 0 ? this.#words : TOKENS) + text.slice(at)
      case 6:
        return text.replace(/\d+/, () => String(random.pick(NUMBERS)))
      case 7: {
        const other = random.pick(this.#corpus)
        return typeof other === 'string' ? text.slice(0, at) + other.slice(random.int(0, other.length)) : text
      }
      default:
        return text.slice(0, at) + random.pick(HOSTILE_MESSAGES) + text.slice(to)
    }
  }
}

/** Some part of a tree. */
function part(value: Json, random: Random): Json {
  if (typeof value !== 'object' || value === null || random.chance(0.3)) return value
  const values = Object.values(value)
  return values.length === 0 ? value : part(random.pick(values), random)
}

function nested(depth: number): Json {
  let value: Json = []
  for (let left = depth; left > 1; left -= 1) value = [value]
  return value
}

/** A copy with an entry of that name, for any name, such as `__proto__`. */
export function withEntry(value: { [key: string]: Json }, key: string, entry: Json): { [key: string]: Json } {
  const copy = { ...value }
  Object.defineProperty(copy, key, { value: entry, enumerable: true, configurable: true, writable: true })
  return copy
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json
  } catch {
    return undefined
  }
}
