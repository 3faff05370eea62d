import { execFile } from 'node:child_process'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { requires } from '../support/requires.ts'

/** A package registry may be slow; nothing may hang. */
const INSTALL_MS = 200_000
const LIBRARIES = fileURLToPath(new URL('./libraries', import.meta.url))

/** The client libraries of one language, and how one of them is started. */
export interface Language {
  name: string
  /** Programs that this machine may lack. */
  tools: readonly string[]
  clients: readonly string[]
  /** Installs the pinned packages into `folder`; returns the command, to which the client's name and URL are added. */
  install(folder: string): Promise<readonly string[]>
}

export const languages: readonly Language[] = [
  {
    name: 'JavaScript',
    tools: ['npm'],
    clients: [
      'eventsource 2',
      'eventsource 3',
      'eventsource 5',
      'undici',
      'eventsource-client',
      '@microsoft/fetch-event-source',
      'reconnecting-eventsource',
      'event-source-polyfill',
      'sse.js',
    ],
    async install(folder) {
      await copy('javascript', folder)
      await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], folder)
      return [process.execPath, 'client.mjs']
    },
  },
  {
    name: 'Python',
    tools: ['python3'],
    clients: ['httpx-sse', 'sseclient-py', 'requests-sse', 'aiohttp-sse-client2'],
    async install(folder) {
      await copy('python', folder)
      await run('python3', ['-m', 'venv', 'env'], folder)
      const options = ['--quiet', '--disable-pip-version-check', '--no-compile']
      await run(join(folder, 'env/bin/pip'), ['install', ...options, '-r', 'requirements.txt'], folder)
      return [join(folder, 'env/bin/python'), 'client.py']
    },
  },
  {
    name: 'Go',
    tools: ['go'],
    clients: ['r3labs/sse', 'tmaxmax/go-sse', 'launchdarkly/eventsource'],
    async install(folder) {
      await copy('go', folder)
      await run('go', ['mod', 'init', 'clients'], folder)
      const modules = ['r3labs/sse/v2@v2.10.0', 'tmaxmax/go-sse@v0.12.0', 'launchdarkly/eventsource@v1.11.0']
      await run('go', ['get', ...modules.map((name) => `github.com/${name}`)], folder)
      await run('go', ['build', '-o', 'client', '.'], folder)
      return [join(folder, 'client')]
    },
  },
  {
    name: 'Java',
    tools: ['mvn', 'javac'],
    clients: ['okhttp-sse', 'okhttp-eventsource', 'spring-webflux'],
    async install(folder) {
      await copy('java', folder)
      await run('mvn', ['-q', '-B', 'dependency:copy-dependencies', '-DoutputDirectory=lib'], folder)
      await run('javac', ['-cp', 'lib/*', 'Client.java'], folder)
      return ['java', '-Xmx128m', '-XX:+UseSerialGC', '-cp', 'lib/*:.', 'Client']
    },
  },
]

/** The tools of a language that this machine lacks. */
export function missing({ tools }: Language): string[] {
  return tools.filter((tool) => requires(tool) === undefined)
}

async function copy(language: string, folder: string): Promise<void> {
  await cp(join(LIBRARIES, language), folder, { recursive: true })
}

async function run(command: string, args: readonly string[], cwd: string): Promise<void> {
  // npm tells its children where it was started; an npm in another folder must not take that for its own.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('npm_')))
  await promisify(execFile)(command, args, { cwd, env, timeout: INSTALL_MS, killSignal: 'SIGKILL' })
}
