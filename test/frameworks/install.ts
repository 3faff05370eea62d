import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** A package registry may be slow; nothing may hang. */
const INSTALL_MS = 300_000
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const NEXT_START = fileURLToPath(new URL('./next-start.mjs', import.meta.url))
const QUIET = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']

/**
 * Copies `examples/frameworks` into a folder of its own, with the locked packages and the packed `sser`, and compiles it as
 * a user would. Resolves with the folder.
 */
export async function installFrameworks(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sser-frameworks-'))
  await cp(join(ROOT, 'examples/frameworks'), folder, { recursive: true })
  await installPacked(folder)
  await compileExamples(folder)
  await run('npx', ['tsc', '--project', '.', '--outDir', 'compiled'], folder)
  // Node strips types, and not decorators.
  await rename(join(folder, 'compiled/nest.js'), join(folder, 'nest.js'))
  await makeNextStart(folder)
  for (const app of ['next', 'next-start']) await run('npx', ['next', 'build'], join(folder, app))
  return folder
}

/** Installs the packages of the folder's lock, and `sser` as it is built and packed now. */
export async function installPacked(folder: string): Promise<void> {
  await run('npm', ['run', 'build'], ROOT)
  const packed = await run(
    'npm',
    ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder],
    ROOT,
  )
  await run('npm', ['ci', ...QUIET], folder)
  await run('npm', ['install', '--no-save', ...QUIET, `./${packed.trim()}`], folder)
}

/** Compiles the other examples, which need no package beside `hono`. */
async function compileExamples(folder: string): Promise<void> {
  const own = join(folder, 'examples')
  for (const name of ['authorize', 'cluster.ts', 'kubernetes/server.ts'])
    await cp(join(ROOT, 'examples', name), join(own, name), { recursive: true })
  await writeFile(join(own, 'tsconfig.json'), '{ "extends": "../tsconfig.json", "include": ["**/*.ts"] }')
  await run('npx', ['tsc', '--project', '.', '--noEmit'], own)
}

/** The app of Next without a server of its own: it joins in the `instrumentation.js` that the page on frameworks shows. */
async function makeNextStart(folder: string): Promise<void> {
  const app = join(folder, 'next-start')
  await cp(join(folder, 'next'), app, { recursive: true })
  await rm(join(app, 'server.ts'))
  await cp(NEXT_START, join(app, 'start.mjs'))
  const page = await readFile(join(ROOT, 'docs/frameworks.md'), 'utf8')
  const [, block = ''] = /^```js\n(.*?)^```$/ms.exec(page) ?? []
  await writeFile(join(app, 'instrumentation.js'), block)
}

/** Runs a program to its end; the error has its output. */
export async function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  // npm tells its children where it was started; an npm in another folder must not take that for its own.
  const own = Object.entries(process.env).filter(([name]) => !/^(?:npm_|VITEST|NODE_ENV$)/.test(name))
  const env = { ...Object.fromEntries(own), NEXT_TELEMETRY_DISABLED: '1' }
  try {
    const options = { cwd, env, timeout: INSTALL_MS, killSignal: 'SIGKILL' } as const
    return (await promisify(execFile)(command, args, options)).stdout
  } catch (cause) {
    // The compiler writes its errors to stdout.
    const { stdout, stderr } = cause as { stdout?: string; stderr?: string }
    throw new Error(`${command} ${args.join(' ')} failed: ${stdout}${stderr}`, { cause })
  }
}
