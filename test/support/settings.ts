import { Sser, type SserOptions } from '../../src/index.ts'
import { INTERNALS, type Internals, resolveSettings, type Settings } from '../../src/internals.ts'

/** The options of an app, and the internals that tests change, in one object. */
export interface TestSettings extends SserOptions, Partial<Internals> {}

/** `new Sser()`, with internals among the options. */
export function newSser(settings: TestSettings = {}): Sser {
  return new Sser(...split(settings))
}

/** The same settings, as the parts of an instance have them. */
export function settingsOf(settings: TestSettings = {}): Settings {
  return resolveSettings(...split(settings))
}

function split(settings: TestSettings): [SserOptions, Partial<Internals>] {
  const entries = Object.entries(settings)
  const isInternal = ([name]: [string, unknown]) => name in INTERNALS
  return [
    Object.fromEntries(entries.filter((entry) => !isInternal(entry))),
    Object.fromEntries(entries.filter(isInternal)),
  ]
}
