import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ReaderApp } from '../support/reader-app.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const LIMIT_MS = 150_000
const run = promisify(execFile)

let app: ReaderApp
beforeAll(async () => {
  app = await ReaderApp.of('docs/testing.md')
})
afterAll(() => app[Symbol.asyncDispose]())

const output = async (program: string, ...args: string[]) => {
  const { stdout, stderr } = await run(program, args, {
    cwd: app.folder,
    env: { ...process.env, NO_COLOR: '1' },
  })
  return stdout + stderr
}

test(
  'the tests of docs/testing.md pass in Vitest',
  async () => {
    const text = await output(
      process.execPath,
      `${ROOT}node_modules/vitest/vitest.mjs`,
      'run',
      '--pool=threads',
      '--no-isolate',
      '--no-file-parallelism',
      '--root',
      app.folder,
    )
    expect(text).toMatch(/Tests {2}7 passed/)
  },
  LIMIT_MS,
)

test(
  'the tests of docs/testing.md pass in node:test',
  async () => {
    const text = await output(process.execPath, '--test', 'clock.node.ts', 'timers.node.ts')
    expect(text).toMatch(/pass 2\n[\s\S]*fail 0/)
  },
  LIMIT_MS,
)

test(
  'the tests of docs/testing.md pass in Bun',
  async () => {
    const files = ['app', 'resume', 'gap', 'fleet'].map((name) => `./${name}.test.ts`)
    expect(await output('bun', 'test', ...files)).toMatch(/6 pass\n\s*0 fail/)
  },
  LIMIT_MS,
)
