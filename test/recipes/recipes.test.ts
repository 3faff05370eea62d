import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, test } from 'vitest'
import { installPacked, run } from '../frameworks/install.ts'
import { requires } from '../support/requires.ts'

const RECIPES = fileURLToPath(new URL('../../examples/recipes', import.meta.url))
const TEST_MS = 60_000

let folder = ''

// Without it the tests of htmx and Datastar skip themselves.
requires('chromium')

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sser-recipes-'))
  await cp(RECIPES, folder, { recursive: true })
  await installPacked(folder)
  await run('npx', ['tsc', '--project', '.'], folder)
}, 600_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

test.each(readdirSync(RECIPES).filter((name) => name.endsWith('.test.ts')))(
  'the recipe of %s works with the packed package and those of its lock',
  { timeout: TEST_MS },
  async (name) => {
    const output = await promisify(execFile)(process.execPath, ['--test', name], {
      cwd: folder,
      timeout: TEST_MS,
    }).catch((error: { stdout?: string }) => error)
    if (output instanceof Error) throw new Error(output.stdout)
  },
)
