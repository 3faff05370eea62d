import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { SEED } from '../support/messages.ts'
import { fuzz } from './fuzz.ts'
import type { Json } from './surface.ts'
import { surfaces } from './surfaces.ts'
import { faultOf } from './try.ts'

/** For each surface; `npm run fuzz` tries many more. */
const INPUTS = 100
const CASES = new URL('./cases/', import.meta.url)

/** An input that failed in the past. */
interface Case {
  surface: string
  why: string
  input: Json
}

const cases = readdirSync(CASES).map((file) => JSON.parse(readFileSync(new URL(file, CASES), 'utf8')) as Case)

describe(`${INPUTS} mutated inputs`, () => {
  it.each(surfaces.map((surface) => [surface.name, surface] as const))(
    'cause no fault in %s',
    async (_, surface) => {
      const { failures } = await fuzz(surface, { seed: SEED, inputs: INPUTS })
      expect(failures).toEqual([])
    },
  )
})

describe('an input that failed once', () => {
  it.each(cases.map((each) => [each.why, each] as const))(
    'passes now: %s',
    async (_, { surface: name, input }) => {
      const surface = surfaces.find((each) => each.name === name)
      expect(surface).toBeDefined()
      if (surface !== undefined) expect(await faultOf(surface, input)).toBeUndefined()
    },
  )
})
