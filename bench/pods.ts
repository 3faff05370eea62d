// Pods as separate processes, for figures between processes.
import { type ChildProcess, fork } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { within } from '../test/support/until.ts'
import type { Command, Result } from './pods/command.ts'

const START_MS = 90_000
const ANSWER_MS = 120_000

/** Implementation of a Pod: this package, the method of the Go package without sser, or Redis pub/sub. */
export type Kind = 'sser' | 'go-way' | 'redis'

export interface PodOptions {
  kind: Kind
  /** Separate loopback address of the Pod. */
  host: string
  /** Addresses of all Pods, its own included. */
  hosts: readonly string[]
  /** Further environment variables of the Pod. */
  env?: Readonly<Record<string, string>>
}

/** One Pod in a separate process. */
export class PodProcess {
  /** Address for its clients. */
  url = ''
  /** Address for a bare POST. */
  bareUrl = ''
  readonly #child: ChildProcess

  private constructor({ kind, host, hosts, env }: PodOptions) {
    this.#child = fork(new URL(`./pods/${kind}.ts`, import.meta.url), {
      env: { ...process.env, ...env, HOST: host, HOSTS: hosts.join(',') },
      execArgv: process.env.POD_EXEC_ARGV?.split(' ') ?? [],
    })
    running.add(this.#child)
    this.#child.once('exit', () => running.delete(this.#child))
  }

  static async start(options: PodOptions): Promise<PodProcess> {
    const pod = new PodProcess(options)
    const { url = '', bareUrl = '' } = await within(`${options.host} starts`, pod.#answer(), START_MS)
    pod.url = url
    pod.bareUrl = bareUrl
    return pod
  }

  /** Sends the Pod a command; resolves with its result. */
  do(command: Command): Promise<Result> {
    const answer = within(`a Pod's ${command.do}`, this.#answer(), ANSWER_MS)
    this.#child.send(command)
    return answer
  }

  /** CPU time so far, in milliseconds. */
  cpu(): number {
    return cpuOf(this.#child.pid as number)
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null) return
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    // Exits at once, because no peer is left.
    this.#child.disconnect()
    await within('a Pod ends', ended, START_MS)
  }

  #answer(): Promise<Result> {
    return new Promise((resolve, reject) => {
      const fail = (code: unknown) => reject(new Error(`A Pod ended with ${code}`))
      this.#child.once('exit', fail)
      this.#child.once('message', (result: Result) => {
        this.#child.off('exit', fail)
        if (result.error === undefined) resolve(result)
        else reject(new Error(result.error))
      })
    })
  }
}

/** Returns new loopback addresses; they depend on the pid, so that concurrent runs have different ones. */
export function addresses(count: number): string[] {
  const network = `127.${64 + ((process.pid >> 8) % 128)}.${process.pid % 256}`
  return Array.from({ length: count }, () => {
    given += 1
    return `${network}.${given}`
  })
}
let given = 0

/** Starts Pods of one kind as peers of each other. */
export async function startPods(
  kind: Kind,
  hosts: readonly string[],
  env?: Readonly<Record<string, string>>,
): Promise<PodProcess[]> {
  return Promise.all(
    hosts.map((host) => PodProcess.start({ kind, host, hosts, ...(env !== undefined && { env }) })),
  )
}

/** CPU time of a process, all threads together, in milliseconds. */
export function cpuOf(pid: number): number {
  let nanoseconds = 0
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    try {
      nanoseconds += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0])
    } catch {
      // The thread ended between the two calls.
    }
  }
  return nanoseconds / 1e6
}

/** The value below which `share` of the sorted values lie. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number
}

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})
