// Pods as separate processes, for figures between processes.
import { ForkedPod } from './harness/forked-pod.ts'
import type { Command, Result } from './pods/command.ts'

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

/** One Pod of the figures between processes. */
export class PodProcess extends ForkedPod<Command, Result> {
  /** Address for its clients. */
  url = ''
  /** Address for a bare POST. */
  bareUrl = ''

  private constructor({ kind, host, hosts, env }: PodOptions) {
    super(
      new URL(`./pods/${kind}.ts`, import.meta.url),
      { ...env, HOST: host, HOSTS: hosts.join(',') },
      process.env.POD_EXEC_ARGV?.split(' '),
    )
  }

  static async start(options: PodOptions): Promise<PodProcess> {
    const pod = new PodProcess(options)
    const { url = '', bareUrl = '' } = await pod.started(options.host)
    pod.url = url
    pod.bareUrl = bareUrl
    return pod
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

/** The value below which `share` of the sorted values lie. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number
}
