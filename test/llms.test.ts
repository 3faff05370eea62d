import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { links } from '../tools/markdown.ts'

const ROOT = new URL('../', import.meta.url)

test('llms.txt links to every page of docs/, and to no other file', () => {
  const found = links(readFileSync(new URL('llms.txt', ROOT), 'utf8'))
  for (const link of found) expect(existsSync(new URL(link, ROOT)), link).toBe(true)
  const pages = readdirSync(new URL('docs/', ROOT)).filter(
    (name) => name.endsWith('.md') && name !== 'README.md',
  )
  expect(found.filter((link) => link !== 'README.md').toSorted()).toEqual(
    pages.map((name) => `docs/${name}`).toSorted(),
  )
})
