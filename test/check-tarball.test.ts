import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { placeholders, problems } from '../tools/check-tarball.ts'

let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sser-tarball-'))
  mkdirSync(join(folder, 'docs'))
  mkdirSync(join(folder, 'dist'))
})
afterEach(() => rmSync(folder, { recursive: true }))

test('a link of a packed page names a packed file and a heading of it', () => {
  writeFileSync(
    join(folder, 'docs/a.md'),
    '# A page\n\n[b](b.md#two-words) [c](c.md) [out](../../x.md) [web](https://example.com)',
  )
  writeFileSync(join(folder, 'docs/b.md'), '# B\n\n## Two words\n\n[a](a.md#b-page)')
  expect(problems(folder)).toEqual([
    'docs/a.md: no such file: c.md',
    'docs/a.md: no such file: ../../x.md',
    'docs/b.md: no such heading: a.md#b-page',
  ])
})

test('a source map names a packed source, and does not contain it', () => {
  writeFileSync(
    join(folder, 'dist/a.js.map'),
    JSON.stringify({ sources: ['../src/a.ts'], sourcesContent: [''] }),
  )
  expect(problems(folder)).toEqual([
    'dist/a.js.map: no such source: ../src/a.ts',
    'dist/a.js.map: has the source again: sourcesContent',
  ])
})

test('a manifest with a placeholder or without a repository is named', () => {
  const manifest = {
    repository: { url: 'git+https://github.com/OWNER/sser.git' },
    homepage: 'https://example.com',
  }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest))
  expect(placeholders(folder)).toEqual([
    'package.json: repository is a placeholder: git+https://github.com/OWNER/sser.git',
    'package.json: bugs is a placeholder: undefined',
  ])
})
