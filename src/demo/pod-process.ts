import { type ChildProcess, spawn } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { PodPlan } from './plan.ts'

/** Settings that all Pods of the demo share. */
export interface PodSettings {
  runtime: 'node' | 'bun'
  logSeconds: number
}

export type PodState = 'stopped' | 'starting' | 'running'

/** `pod.ts` from a clone, `pod.js` in the package. */
const POD = fileURLToPath(new URL(`./pod${extname(import.meta.url)}`, import.meta.url))
/** Time limit of a graceful stop, in milliseconds, because a Pod without reachable peers would wait for them. */
const STOP_MS = 2_500

interface PodOptions extends PodSettings {
  peers: string
  peerSecret: string
  onChange: () => void
}

/** One Pod as a child process that can be killed and started again. */
export class PodProcess {
  readonly plan: PodPlan
  state: PodState = 'stopped'
  /** Why it is stopped. */
  reason: string | undefined
  readonly #options: PodOptions
  #child: ChildProcess | undefined
  #exited: Promise<void> = Promise.resolve()
  #started: Promise<void> | undefined
  #isRetired = false

  constructor(plan: PodPlan, options: PodOptions) {
    this.plan = plan
    this.#options = options
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Resolves when the Pod serves. @throws Error with the Pod's own words when it ends before that. */
  start(): Promise<void> {
    this.#started ??= this.#start()
    return this.#started
  }

  /** The end without a warning, as when a machine fails. */
  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL')
    await this.#exited
  }

  async restart(): Promise<void> {
    await this.kill()
    await this.start()
  }

  /** The gentle end, and the last: it does not start again. */
  async retire(): Promise<void> {
    this.#isRetired = true
    this.#child?.kill('SIGTERM')
    const timer = setTimeout(() => this.#child?.kill('SIGKILL'), STOP_MS)
    await this.#exited
    clearTimeout(timer)
  }

  #start(): Promise<void> {
    if (this.#isRetired) return Promise.reject(new Error('The demo is ending'))
    const { host, port, internalPort } = this.plan
    const { runtime, logSeconds, peers, peerSecret } = this.#options
    const command = runtime === 'bun' ? 'bun' : process.execPath
    const child = spawn(command, [POD], {
      env: {
        ...process.env,
        HOST: host,
        PORT: `${port}`,
        INTERNAL_PORT: `${internalPort}`,
        PEERS: peers,
        PEER_SECRET: peerSecret,
        LOG_MAX_AGE_MS: `${logSeconds * 1_000}`,
      },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    this.#child = child
    this.#become('starting')
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    let errors = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (this.state === 'running') process.stderr.write(text)
      else errors += text
    })
    child.stdout?.once('data', () => {
      this.#become('running')
      resolve()
    })
    const { promise: exited, resolve: exit } = Promise.withResolvers<void>()
    this.#exited = exited
    const finish = (reason: string) => {
      this.#child = undefined
      this.#started = undefined
      this.#become('stopped', reason)
      reject(new Error(`${host}: ${reason}`))
      exit()
    }
    child.once('error', (error: NodeJS.ErrnoException) =>
      finish(
        error.code === 'ENOENT' ? `${command} is not on PATH; install it, or omit --bun` : error.message,
      ),
    )
    child.once('close', (code, signal) => finish(endingOf(code, signal, errors)))
    return promise
  }

  #become(state: PodState, reason?: string): void {
    this.state = state
    this.reason = reason
    this.#options.onChange()
  }
}

function endingOf(code: number | null, signal: NodeJS.Signals | null, errors: string): string {
  if (signal === 'SIGKILL') return 'killed'
  if (signal !== null) return `ended by ${signal}`
  // Node and Bun print an error's name and message at the start of a line, then its stack.
  const message = /^(?:\w*Error|error)\b[^:\n]*: (.+)$/m.exec(errors)?.[1]
  return message ?? `exited with code ${code}`
}
