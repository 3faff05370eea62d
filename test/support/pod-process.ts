import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Agent, request } from 'undici'
import type { PeerStatus, Receipt } from '../../src/index.ts'
import { until, within } from './until.ts'

export type Runtime = 'node' | 'bun'

/** Ends a start in vain: a busy machine may start many at once. */
const START_MS = 120_000
/** Ends a script that hangs, before the time limit of its test. */
const SCRIPT_MS = 150_000
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const COMMAND: Record<Runtime, string> = { node: process.execPath, bun: `${ROOT}node_modules/.bin/bun` }

/** `NODE_OPTIONS` turns the fast path off in a whole run of the tests; the compile cache makes a start cheap. */
const INHERITED = ['PATH', 'NODE_OPTIONS', 'NODE_COMPILE_CACHE']
const inherited = Object.fromEntries(
  INHERITED.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
)

export interface PodOptions {
  runtime: Runtime
  host: string
  /** Default: 8110. */
  port?: number
  /** Default: 7110. */
  internalPort?: number
  /** Default: none but itself. */
  peers?: readonly string[]
  /** Path of the program. Default: a Pod of the demo. */
  script?: string
  args?: readonly string[]
  /** Whether it can be spoken with over IPC. Default: false. */
  ipc?: boolean
  env?: Readonly<Record<string, string>>
  /** DeliveryCounts of the process at once, while the Pod still starts. */
  onSpawn?: (process: ChildProcess) => void
}

/** One Pod in a process of its own, and only ever the process that was started here. */
export class PodProcess {
  /** Where clients connect, without a path. */
  url = ''
  stdout = ''
  stderr = ''
  readonly options: PodOptions
  readonly process: ChildProcess
  /** Resolves with how the process ended: its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>
  /** Its own, so that no request meets a connection to a Pod that lived at this address before. */
  readonly #agent = new Agent()

  private constructor(options: PodOptions) {
    this.options = options
    const { runtime, host, port = 8110, internalPort = 7110, peers = [], args = [], ipc } = options
    const script = options.script ?? `${ROOT}src/demo/pod.ts`
    const name = host.includes(':') ? `[${host}]` : host
    // A free port is not known yet; the Pod takes its own for the default.
    const self = internalPort === 0 ? name : `${name}:${internalPort}`
    this.process = spawn(COMMAND[runtime], [...args, script], {
      cwd: ROOT,
      env: {
        ...inherited,
        HOST: name,
        PORT: String(port),
        INTERNAL_PORT: String(internalPort),
        PEERS: [self, ...peers].join(','),
        ...options.env,
      },
      stdio: ipc ? ['ignore', 'pipe', 'pipe', 'ipc'] : ['ignore', 'pipe', 'pipe'],
    })
    running.add(this.process)
    options.onSpawn?.(this.process)
    this.process.stdout?.on('data', (chunk: Buffer) => {
      this.stdout += chunk.toString()
    })
    this.process.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString()
    })
    this.ended = new Promise((resolve, reject) => {
      this.process.once('error', reject)
      this.process.once('close', (code, signal) => {
        running.delete(this.process)
        void this.#agent.destroy()
        resolve(code ?? signal)
      })
    })
    this.ended.catch(() => {})
  }

  /** Starts a Pod; resolves when it says that it listens. */
  static async start(options: PodOptions): Promise<PodProcess> {
    const pod = new PodProcess(options)
    const says = new Promise<string>((resolve, reject) => {
      const look = () => {
        const url = /listening on (\S+)/.exec(pod.stdout)?.[1]
        if (url === undefined) return
        pod.process.stdout?.off('data', look)
        resolve(url)
      }
      pod.process.stdout?.on('data', look)
      const fail = (how: unknown) => reject(new Error(`${pod} ended with ${how}: ${pod.stderr}`))
      pod.ended.then(fail, fail)
    })
    try {
      pod.url = await within(`${pod} listens`, says, START_MS)
      return pod
    } catch (error) {
      await pod.kill()
      throw error
    }
  }

  /** Sends through this Pod. */
  async send(stream: string, msg: string): Promise<Receipt> {
    const path = `/send?${new URLSearchParams({ stream })}`
    return (await this.#ask(path, { method: 'POST', body: msg })) as Receipt
  }

  /** Connections and peers of the custom Pod. */
  async state(): Promise<{ connections: number; peers: PeerStatus[] }> {
    return (await this.#ask('/state', {})) as { connections: number; peers: PeerStatus[] }
  }

  /** Posts JSON to a route of the Pod's app. */
  post(path: string, content: unknown): Promise<unknown> {
    return this.#ask(path, { method: 'POST', body: JSON.stringify(content) })
  }

  async #ask(path: string, options: { method?: 'POST'; body?: string }): Promise<unknown> {
    try {
      const { statusCode, body } = await request(this.url + path, { ...options, dispatcher: this.#agent })
      if (statusCode >= 300) throw new Error(`answered ${statusCode}`)
      return await body.json()
    } catch (cause) {
      throw new Error(`${this}: ${path} failed`, { cause })
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.process.kill(signal)
  }

  /** Signals, and waits for the end. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<number | NodeJS.Signals | null> {
    this.process.kill(signal)
    return within(`${this} ends on ${signal}`, this.ended)
  }

  toString(): string {
    return `${this.options.runtime} PodProcess ${this.options.host} (pid ${this.process.pid})`
  }
}

/** A fleet whose Pods know one another, one for each runtime named, on neighbouring addresses from `first` on. */
export async function startFleet(
  runtimes: readonly Runtime[],
  first: string,
  options: Partial<PodOptions> = {},
): Promise<PodProcess[]> {
  const [, prefix, last] = /^(.*\.)(\d+)$/.exec(first) as RegExpExecArray
  const hosts = runtimes.map((_, i) => `${prefix}${Number(last) + i}`)
  const peers = [...hosts.map((host) => `${host}:7110`), ...(options.peers ?? [])]
  return Promise.all(
    runtimes.map((runtime, i) => PodProcess.start({ ...options, runtime, host: hosts[i] as string, peers })),
  )
}

/** Resolves when each of these Pods reaches all its peers. Pods that start together miss one another at first. */
export async function acquainted(pods: readonly PodProcess[]): Promise<void> {
  for (const pod of pods) {
    const reachesAll = async () => {
      const { peers } = await pod.send('nobody listens', 'hello')
      return peers.every(({ status }) => status === 'delivered')
    }
    await until(`${pod} reaches its peers`, reachesAll)
  }
}

/** Runs a script to its end; rejects, with its output, unless it exits with 0. */
export async function runScript(
  runtime: Runtime,
  script: URL,
  options: { args?: readonly string[]; env?: Readonly<Record<string, string>> } = {},
): Promise<{ stdout: string; stderr: string; ms: number }> {
  const { args = [], env } = options
  const start = performance.now()
  const { stdout, stderr } = await promisify(execFile)(COMMAND[runtime], [...args, fileURLToPath(script)], {
    env: { ...inherited, ...env },
    timeout: SCRIPT_MS,
    killSignal: 'SIGKILL',
  })
  return { stdout, stderr, ms: Math.round(performance.now() - start) }
}

/** Ends every Pod that was started here and still runs; for `afterEach`. */
export async function endPods(): Promise<void> {
  const ends = [...running].map((child) => new Promise((resolve) => child.once('close', resolve)))
  killAll()
  await within('all Pods end', Promise.all(ends))
}

const running = new Set<ChildProcess>()

function killAll(): void {
  for (const child of running) child.kill('SIGKILL')
}
process.once('exit', killAll)
