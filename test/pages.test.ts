import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { Sser } from '../src/sser.ts'
import { pages } from '../tools/pages.ts'

describe.each(Object.entries(pages()))('%s', (path, text) => {
  test('matches the source; npm run docs:pages writes it', () => {
    expect(readFileSync(path, 'utf8').trimEnd()).toBe(text.trimEnd())
  })
})

test('docs/options.md has a meaning for every option', () => {
  const sections = (pages()['docs/options.md'] as string).split('\n### ').slice(1)
  expect(sections.map((section) => section.split('`')[1])).toEqual(
    expect.arrayContaining(['peerFinder', 'heartbeatMs', 'maxConnections', 'peerSecret', 'tracing', 'port']),
  )
  for (const section of sections) expect(section).toMatch(/^`\w+`\n\n\S/)
})

test('docs/api.md has every public member of an instance', () => {
  const page = pages()['docs/api.md'] as string
  const shown = Array.from(page.matchAll(/^### `(\w+)(?:\(\))?`$/gm), ([, name]) => name)
  const sser = new Sser({ logger: false })
  const members = [...Object.keys(sser), ...Object.getOwnPropertyNames(Sser.prototype)]
  expect(shown.toSorted()).toEqual(members.filter((name) => name !== 'constructor').toSorted())
})

test('docs/errors.md has a fix for every code', () => {
  const sections = (pages()['docs/errors.md'] as string).split('\n## ').slice(1)
  expect(sections.length).toBeGreaterThan(30)
  for (const section of sections) expect(section).toContain('**Fix:** ')
})
