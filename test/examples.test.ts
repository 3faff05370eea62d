import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const EXAMPLES = new URL('../examples/', import.meta.url)
const files = readdirSync(EXAMPLES, { recursive: true, encoding: 'utf8' }).filter((path) =>
  /\.tsx?$/.test(path),
)

test('no example imports the sources, because an app cannot', () => {
  expect(files.length).toBeGreaterThan(12)
  for (const path of files)
    expect(readFileSync(new URL(path, EXAMPLES), 'utf8'), path).not.toMatch(/['"](?:\.\.\/)+src\//)
})
