import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { VERSION } from '../../src/ops/version.ts'

test('the version that a Pod tells is the package’s; a release writes it into src/ops/version.ts', () => {
  expect(VERSION).toBe(
    JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version,
  )
})
