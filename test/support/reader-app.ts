import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Block, codeBlocks } from '../../tools/markdown.ts'
import { until, WAIT_MS, within } from './until.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/**
 * The app that a reader makes from one page: its files in an empty folder, and in `node_modules` the packages that the page
 * installs, with `sser` from the sources. Ports of the page are replaced by free ones, because its own may be taken.
 */
export class ReaderApp {
  readonly folder: string
  readonly blocks: readonly Block[]
  /** Output of all processes. */
  output = ''
  readonly #ports: ReadonlyMap<string, number>
  readonly #processes = new Set<ChildProcess>()

  private constructor(folder: string, blocks: readonly Block[], ports: ReadonlyMap<string, number>) {
    this.folder = folder
    this.blocks = blocks
    this.#ports = ports
  }

  /** `packages`: beside those that the page installs. */
  static async of(path: string, packages: readonly string[] = []): Promise<ReaderApp> {
    const page = await readFile(join(ROOT, path), 'utf8')
    const blocks = codeBlocks(page)
    const folder = await mkdtemp(join(tmpdir(), 'sser-docs-'))
    const app = new ReaderApp(folder, blocks, await freePorts(blocks))
    await linkPackages(folder, [...installed(blocks), ...packages])
    await writeFiles(
      folder,
      blocks.map((block) => ({ ...block, text: app.#translate(block.text) })),
    )
    return app
  }

  /** Compiles the browser client to where the package has it, for a page that loads it without a bundler. */
  async compileClient(): Promise<void> {
    const entries = ['src/client.ts', 'src/client/share/worker.ts']
    const options = ['--format', 'esm', '--dir', join(this.folder, 'node_modules/sser/dist')]
    await promisify(execFile)(join(ROOT, 'node_modules/.bin/rolldown'), [...entries, ...options], {
      cwd: ROOT,
    })
  }

  /** URL of the public port that the page calls `port`. */
  url(port = 8000): string {
    return `http://127.0.0.1:${this.#ports.get(String(port))}`
  }

  /** Shell blocks that contain `text`. */
  sh(text: string): string {
    const found = this.blocks.find((block) => block.language === 'sh' && block.text.includes(text))
    if (found === undefined) throw new Error(`no sh block contains ${text}`)
    return found.text
  }

  /** Runs a shell block as it stands, and leaves its processes in the background. */
  start(script: string, env: Readonly<Record<string, string>> = {}): void {
    const child = spawn('bash', ['-c', `set -e\n${this.#translate(script)}\nwait`], {
      cwd: this.folder,
      detached: true,
      env: { ...process.env, ...env, PATH: pathWithNode(), NO_COLOR: '1', NODE_NO_WARNINGS: '1' },
    })
    this.#processes.add(child)
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        this.output += chunk.toString()
      })
    child.once('exit', () => this.#processes.delete(child))
  }

  /** Resolves when the server at `port` of the page answers. */
  async listening(port = 8000): Promise<void> {
    const answers = () =>
      fetch(this.url(port)).then(
        () => true,
        () => false,
      )
    try {
      await until(`port ${port} answers`, answers, WAIT_MS, 20)
    } catch (error) {
      throw new Error(`${error}; output: ${this.output}`)
    }
  }

  /** Resolves when the output contains `text`. */
  async saw(text: string): Promise<void> {
    try {
      await until(`output: ${text}`, () => this.output.includes(text), WAIT_MS, 10)
    } catch (error) {
      throw new Error(`${error}; output: ${this.output}`)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#processes].map(end))
    await rm(this.folder, { recursive: true, force: true })
  }

  #translate(text: string): string {
    return text.replaceAll(PORT, (port) => String(this.#ports.get(port) ?? port))
  }
}

/** Public and internal ports that the pages use. */
const PORT = /\b(?:700\d|800\d)\b/g

async function freePorts(blocks: readonly Block[]): Promise<Map<string, number>> {
  const used = new Set(blocks.flatMap(({ text }) => text.match(PORT) ?? []))
  const servers = await Promise.all(
    Array.from(used, async (port) => {
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      return [port, server] as const
    }),
  )
  const ports = servers.map(([port, server]) => [port, (server.address() as { port: number }).port] as const)
  await Promise.all(servers.map(([, server]) => new Promise((resolve) => server.close(resolve))))
  return new Map(ports)
}

/** The blocks with a file name, as files. */
export async function writeFiles(folder: string, blocks: readonly Block[]): Promise<void> {
  for (const { file, text } of blocks) {
    if (file === undefined) continue
    await mkdir(dirname(join(folder, file)), { recursive: true })
    await writeFile(join(folder, file), text)
  }
}

/** The packages that the shell blocks of a page install. */
export function installed(blocks: readonly Block[]): string[] {
  return blocks.flatMap(({ language, text }) => {
    if (language !== 'sh') return []
    const lists = Array.from(text.matchAll(/^npm install (?:-D )?([^#\n]*)/gm), ([, list = '']) => list)
    return lists.flatMap((list) => list.trim().split(' '))
  })
}

/** Links packages into `node_modules`, and `sser` as if the sources were its build. */
export async function linkPackages(folder: string, packages: readonly string[]): Promise<void> {
  const modules = join(folder, 'node_modules')
  await mkdir(join(modules, 'sser'), { recursive: true })
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  await symlink(join(ROOT, 'src'), join(modules, 'sser/src'))
  const manifest = await readFile(join(ROOT, 'package.json'), 'utf8')
  const { name, version, type, exports } = JSON.parse(
    manifest.replaceAll(/"\.\/dist\/([\w-]+)(?:\.d\.ts|\.js)"/g, '"./src/$1.ts"'),
  )
  await writeFile(join(modules, 'sser/package.json'), JSON.stringify({ name, version, type, exports }))
  for (const each of new Set(packages)) {
    if (each === 'sser') continue
    await mkdir(dirname(join(modules, each)), { recursive: true })
    await symlink(join(ROOT, 'node_modules', each), join(modules, each))
  }
}

/** The folder of this Node first, so that `node` in a block is the one that runs the tests. */
function pathWithNode(): string {
  return [dirname(process.execPath), join(ROOT, 'node_modules/.bin'), process.env.PATH].join(delimiter)
}

/** Ends the process group of a shell that was started here. */
async function end(child: ChildProcess): Promise<void> {
  const exited = new Promise((resolve) => child.once('exit', resolve))
  process.kill(-(child.pid as number), 'SIGKILL')
  await within('the shell ends', exited)
}
