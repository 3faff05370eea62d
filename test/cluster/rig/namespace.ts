import { type ChildProcess, spawn } from 'node:child_process'
import { until } from '../../support/until.ts'
import { run } from './run.ts'

const END_MS = 5_000
const FLUSH_MS = 2_000
/** Each look starts a process. */
const LOOK_MS = 20

interface SpawnOptions {
  cwd?: string
  env?: Readonly<Record<string, string>>
  /** Folders of the host, by the path under which the process sees them. All that it sees below /run is these. */
  mounts?: ReadonlyMap<string, string>
  /** The file descriptor that its output goes to. Default: pipes. */
  output?: number
}

/** A network namespace with addresses of its own, and the processes in it. */
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
   * Starts a process here. Each program on the way replaces itself with the next, so that the pid is the command's.
   * It leads a process group of its own, and dies with the process of the test.
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

  /** Drops what passes between here and an address, and tells nobody. */
  async cut(address: string): Promise<void> {
    const table = address.includes(':') ? 'ip6tables' : 'iptables'
    await this.#exec(table, '-w', '-A', 'INPUT', '-s', address, '-j', 'DROP')
    await this.#exec(table, '-w', '-A', 'OUTPUT', '-d', address, '-j', 'DROP')
  }

  /** Takes back every cut. */
  async heal(): Promise<void> {
    await this.#exec('iptables', '-w', '-F')
    await this.#exec('ip6tables', '-w', '-F')
  }

  /** Breaks the connections from here to an address. New ones may be made. */
  async disconnect(address: string): Promise<void> {
    await this.#exec('ss', '-K', 'dst', address)
  }

  /**
   * Resolves when every end of a connection that its processes have left behind was acknowledged, or after two seconds.
   * With the interface, what is still on its way would go, and the other side would wait for it without end.
   */
  async flushed(): Promise<void> {
    const states = ['fin-wait-1', 'last-ack', 'closing'].flatMap((state) => ['state', state])
    const isFlushed = async () => (await this.#exec('ss', '-Htn', ...states)).trim() === ''
    // Where the network was cut, no acknowledgement comes.
    await until(`all is acknowledged in ${this.name}`, isFlushed, FLUSH_MS, LOOK_MS).catch(() => {})
  }

  async pids(): Promise<number[]> {
    return (await run('ip', ['netns', 'pids', this.name])).split('\n').filter(Boolean).map(Number)
  }

  /** Kills every process in here; resolves when none is left. */
  async endAll(): Promise<void> {
    const isEmpty = async () => {
      const pids = await this.pids()
      for (const pid of pids) {
        try {
          process.kill(pid, 'SIGKILL')
        } catch {
          // It has ended meanwhile.
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

/** `ip netns exec` gives a mount namespace of its own; what is mounted there goes with the last process. */
function mountScript(mounts: ReadonlyMap<string, string>): string {
  const binds = Array.from(
    mounts,
    ([path, source]) => `mkdir -p '${path}'; mount --bind '${source}' '${path}'`,
  )
  return ['mount -t tmpfs tmpfs /run', ...binds, 'exec "$@"'].join('\n')
}
