import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { installPacked, run } from '../frameworks/install.ts'

const SOURCE = fileURLToPath(new URL('../../examples/browser', import.meta.url))
const TEST_MS = 60_000

let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sser-browser-'))
  await cp(SOURCE, folder, { recursive: true })
  await installPacked(folder)
}, 600_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

test.each(['react', 'svelte', 'vue'])(
  'the client works in %s, from the packed package',
  { timeout: TEST_MS },
  async (name) => {
    await run(process.execPath, ['--test', `${name}.test.ts`], folder)
  },
)

test('the tests of the frameworks compile', { timeout: TEST_MS }, async () => {
  await run('npx', ['tsc', '--project', '.'], folder)
})

describe('the types of the client', () => {
  const dom = ['es2024', 'dom', 'dom.iterable']
  test.each([
    ['nodenext, with the types of a page', { module: 'nodenext', lib: dom, types: [] }],
    ['nodenext, with those of Node', { module: 'nodenext', lib: ['es2024'], types: ['node'] }],
    [
      'bundler, with the types of a page',
      { module: 'esnext', moduleResolution: 'bundler', lib: dom, types: [] },
    ],
    [
      'bundler, with those of Node',
      { module: 'esnext', moduleResolution: 'bundler', lib: ['es2024'], types: ['node'] },
    ],
  ])('accept right code and find mistakes under %s', { timeout: TEST_MS }, async (_, options) => {
    const file = 'tsconfig.types.json'
    const compilerOptions = {
      target: 'es2024',
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: true,
      noEmit: true,
      ...options,
    }
    await writeFile(join(folder, file), JSON.stringify({ compilerOptions, files: await sources() }))
    await run('npx', ['tsc', '--project', file], folder)
  })

  async function sources(): Promise<string[]> {
    return (await readdir(join(folder, 'types'))).map((name) => `types/${name}`)
  }
})
