import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')

/** The text without the indentation of its lines. */
const flat = (text: string) => text.replaceAll(/^ +/gm, '')

function blocks(page: string): string[] {
  return Array.from(page.matchAll(/^```(?:html|js|ts)\n(.*?)^```$/gms), ([, block]) => flat(String(block)))
}

test('the pages on recipes and clients show lines of the htmx and Datastar pages that the tests open', () => {
  const apps = flat(['htmx', 'datastar'].map((name) => read(`examples/recipes/${name}.ts`)).join(''))
  const clients = String(/^Datastar 0.*?^## /ms.exec(read('docs/clients.md')))
  const shown = [...blocks(read('docs/recipes.md')), ...blocks(clients)]
  expect(shown).toHaveLength(6)
  for (const block of shown) expect(apps).toContain(block)
})
