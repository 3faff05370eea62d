import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { VERSION } from '../../src/ops/version.ts'

test('the version in src/ops/version.ts is the version of the package', () => {
  expect(VERSION).toBe(
    JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version,
  )
})
