import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { type Deployment, find, type Manifest, manifestsIn, parseManifests } from './support/manifests.ts'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const base = manifestsIn('base/')

describe.each([
  ['README.md', withSecret()],
  ['docs/kubernetes.md', withSecret()],
] as const)('%s', (path, example) => {
  const page = readFileSync(join(ROOT, path), 'utf8')
  const quoted = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].flatMap(([, block]) =>
    parseManifests(block ?? ''),
  )

  test('shows manifests that match the example', () => {
    expect(quoted.length).toBeGreaterThan(0)
    for (const manifest of quoted) {
      const { kind, metadata } = manifest
      expect(find(example, kind, metadata.name), kind).toMatchObject(manifest)
    }
  })
})

test('docs/kubernetes.md quotes the finder’s errors, every one that has a fix', () => {
  const page = readFileSync(join(ROOT, 'docs/kubernetes.md'), 'utf8')
  const [, section = ''] = page.split('### Errors\n')
  const named = [...String(section.split(/^## /m)[0]).matchAll(/^\| `([^`]+)` +\|/gm)].map(
    ([, says]) => says ?? '',
  )
  const folder = join(ROOT, 'src/discovery/kubernetes')
  const sources = readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('\n')
  expect(named).toHaveLength(13)
  for (const says of named) expect(sources).toContain(says)
})

/** The base, with the component `secret`. */
function withSecret(): Manifest[] {
  const patch = find<Deployment>(manifestsIn('secret/'), 'Deployment')
  const secured = structuredClone(base)
  const [container] = find<Deployment>(secured, 'Deployment').spec.template.spec.containers
  const [patched] = patch.spec.template.spec.containers
  for (const variable of patched.env) {
    container.env = container.env.filter(({ name }) => name !== variable.name)
    if (variable.$patch !== 'delete') container.env.push(variable)
  }
  return secured
}
