import { type ChildProcess, spawn } from 'node:child_process'
import { until } from '../../support/until.ts'
import { run } from './run.ts'

const END_MS = 5_000
const FLUSH_MS = 2_000
/** Interval of checks; not shorter, because each starts a process. */
const LOOK_MS = 20

interface SpawnOptions {
  cwd?: string
  env?: Readonly<Record<string, string>>
  /** Folders of the host, by their path for the process. It sees nothing else below /run. */
  mounts?: ReadonlyMap<string, string>
  /** File descriptor of its output. Default: pipes. */
  output?: number
}

/** A network namespace with its own addresses, and the processes in it. */
export class Namespace {
  readonly name: string
  readonly ipv4: string
  readonly ipv6: string

  constructor(name: string, ipv4: string, ipv6: string) {
    this.name = name
    this.ipv4 = ipv4
    this.ipv6 = ipv6
  }

  /**
   * Starts a process in the namespace. Each wrapper replaces itself with the next program (exec), so that the pid is
   * the command's. The process leads its own process group, and is killed when the process of the test ends.
   */
  spawn(command: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const { cwd, env, mounts = new Map(), output = 'pipe' } = options
    const enter = ['setpriv', '--pdeathsig', 'KILL', 'ip', 'netns', 'exec', this.name]
    const mount = mounts.size === 0 ? [] : ['sh', '-ec', mountScript(mounts), 'sh']
    const [program, ...args] = [...enter, ...mount, ...command] as [string, ...string[]]
    return spawn(program, args, {
      ...(cwd !== undefined && { cwd }),
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', output, output],
      detached: true,
    })
  }

  /** Drops all packets to and from an address, without an error to either side. */
  async cut(address: string): Promise<void> {
    const table = address.includes(':') ? 'ip6tables' : 'iptables'
    await this.#exec(table, '-w', '-A', 'INPUT', '-s', address, '-j', 'DROP')
    await this.#exec(table, '-w', '-A', 'OUTPUT', '-d', address, '-j', 'DROP')
  }

  /** Drops all packets except those within the namespace, without an error to either side. */
  async isolate(): Promise<void> {
    for (const table of ['iptables', 'ip6tables']) {
      await this.#exec(table, '-w', '-A', 'INPUT', '!', '-i', 'lo', '-j', 'DROP')
      await this.#exec(table, '-w', '-A', 'OUTPUT', '!', '-o', 'lo', '-j', 'DROP')
    }
  }

  /** Reverts every {@link cut}. */
  async heal(): Promise<void> {
    await this.#exec('iptables', '-w', '-F')
    await this.#exec('ip6tables', '-w', '-F')
  }

  /** Breaks the existing connections to an address. New connections are possible. */
  async disconnect(address: string): Promise<void> {
    await this.#exec('ss', '-K', 'dst', address)
  }

  /**
   * Resolves when the other side has acknowledged the FIN of every connection that the processes have closed, or after
   * 2 s. Without this wait, removing the interface would drop unacknowledged packets, and the other side would wait
   * forever.
   */
  async flushed(): Promise<void> {
    const states = ['fin-wait-1', 'last-ack', 'closing'].flatMap((state) => ['state', state])
    const isFlushed = async () => (await this.#exec('ss', '-Htn', ...states)).trim() === ''
    // After a cut, no acknowledgement arrives.
    await until(`every FIN is acknowledged in ${this.name}`, isFlushed, FLUSH_MS, LOOK_MS).catch(() => {})
  }

  async pids(): Promise<number[]> {
    return (await run('ip', ['netns', 'pids', this.name])).split('\n').filter(Boolean).map(Number)
  }

  /** Kills every process in the namespace; resolves when none is left. */
  async killAll(): Promise<void> {
    const isEmpty = async () => {
      const pids = await this.pids()
      for (const pid of pids) {
        try {
          process.kill(pid, 'SIGKILL')
        } catch {
          // The process has exited meanwhile.
        }
      }
      return pids.length === 0
    }
    await until(`no process is left in ${this.name}`, isEmpty, END_MS, LOOK_MS)
  }

  #exec(...command: string[]): Promise<string> {
    return run('ip', ['netns', 'exec', this.name, ...command])
  }
}

/** Script that mounts the folders. `ip netns exec` creates a mount namespace; the mounts end with its last process. */
function mountScript(mounts: ReadonlyMap<string, string>): string {
  const binds = Array.from(
    mounts,
    ([path, source]) => `mkdir -p '${path}'; mount --bind '${source}' '${path}'`,
  )
  return ['mount -t tmpfs tmpfs /run', ...binds, 'exec "$@"'].join('\n')
}
