import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { Namespace } from './namespace.ts'
import { ip, run } from './run.ts'

/** Name of the bridge, and prefix of the names of all namespaces and interfaces of the rig. */
const NAME = 'sser-rig'
const SWEEP_MS = 10_000

/**
 * Network of the Pods, the control plane and the test process: a bridge with the host side as 10.244.0.1.
 * Node N has 10.244.N.0/24 and fd00:244::N:0/112; node 0 is the host side and the control plane.
 *
 * Every part has a fixed name prefix, and processes are found by their namespace. Therefore a run can remove the
 * remains of a crashed run, and a machine has one rig at a time.
 */
export class Network {
  readonly #namespaces = new Set<Namespace>()
  readonly #leaving = new WeakMap<Namespace, Promise<void>>()
  #made = 0

  private constructor() {}

  static async create(): Promise<Network> {
    if (process.getuid?.() !== 0) throw new Error('The rig makes network namespaces: run it as root')
    await refuseIfInUse()
    await sweep()
    await ip([
      // With a fixed MAC address, because a bridge otherwise takes the lowest one of its ports. It would change when a
      // Pod with a lower one starts or stops, and cut off every host with the former one in its neighbour cache.
      `link add ${NAME} address 02:00:0a:f4:00:01 type bridge`,
      `link set ${NAME} alias "${ownerOf(process.pid)}"`,
      `addr add 10.244.0.1/16 dev ${NAME}`,
      // Without duplicate address detection, because the address would be unusable for the first seconds.
      `addr add fd00:244::1/64 dev ${NAME} nodad`,
      `link set ${NAME} up`,
    ])
    return new Network()
  }

  /** Adds a namespace with the addresses 10.244.node.number and fd00:244::node:number. */
  async join(node: number, number: number): Promise<Namespace> {
    this.#made += 1
    const name = `${NAME}-${this.#made}`
    const namespace = new Namespace(name, `10.244.${node}.${number}`, `fd00:244::${node}:${number}`)
    this.#namespaces.add(namespace)
    await ip([
      `netns add ${name}`,
      `link add ${name} type veth peer name eth0 netns ${name}`,
      `link set ${name} master ${NAME} up`,
    ])
    const { ipv4, ipv6 } = namespace
    await ip(
      [
        'link set lo up',
        `addr add ${ipv4}/16 dev eth0`,
        `addr add ${ipv6}/64 dev eth0 nodad`,
        'link set eth0 up',
      ],
      name,
    )
    return namespace
  }

  /** Kills the processes of the namespace, and removes the namespace. */
  leave(namespace: Namespace): Promise<void> {
    const leaving = this.#leaving.get(namespace) ?? this.#dissolve(namespace)
    this.#leaving.set(namespace, leaving)
    return leaving
  }

  async remove(): Promise<void> {
    await Promise.all(Array.from(this.#namespaces, (namespace) => this.leave(namespace)))
    await ip([`link del ${NAME}`])
  }

  async #dissolve(namespace: Namespace): Promise<void> {
    await namespace.killAll()
    // The interface is deleted explicitly, because the kernel deletes it only some time after its namespace.
    await ip([`link del ${namespace.name}`, `netns del ${namespace.name}`])
    this.#namespaces.delete(namespace)
  }
}

/** Lists the namespaces, interfaces and processes of any rig on this machine. */
export async function remains(): Promise<string[]> {
  const namespaces = await namespacesLeft()
  const pids = await Promise.all(namespaces.map((name) => new Namespace(name, '', '').pids()))
  const links = JSON.parse((await run('ip', ['-json', 'link', 'show'])) || '[]') as { ifname: string }[]
  return [
    ...namespaces.map((name) => `namespace ${name}`),
    ...links.filter(({ ifname }) => ifname.startsWith(NAME)).map(({ ifname }) => `interface ${ifname}`),
    ...pids.flat().map((pid) => `process ${pid}`),
  ]
}

async function namespacesLeft(): Promise<string[]> {
  const all = JSON.parse((await run('ip', ['-json', 'netns', 'list'])) || '[]') as { name: string }[]
  return all.map(({ name }) => name).filter((name) => name.startsWith(NAME))
}

async function sweep(): Promise<void> {
  for (const name of await namespacesLeft()) {
    await new Namespace(name, '', '').killAll()
    await ip([`netns del ${name}`])
  }
  const end = performance.now() + SWEEP_MS
  for (;;) {
    const left = await remains()
    if (left.length === 0) return
    if (performance.now() > end) throw new Error(`A former rig is still here: ${left.join(', ')}`)
    if (left.includes(`interface ${NAME}`)) await ip([`link del ${NAME}`])
    await delay(50)
  }
}

async function refuseIfInUse(): Promise<void> {
  const links = JSON.parse((await run('ip', ['-json', 'link', 'show'])) || '[]') as {
    ifname: string
    ifalias?: string
  }[]
  const owner = links.find(({ ifname }) => ifname === NAME)?.ifalias ?? ''
  const pid = Number.parseInt(owner, 10)
  if (pid !== process.pid && ownerOf(pid) === owner) {
    throw new Error(
      `Process ${pid} has a rig on this machine, and there can be only one. Wait for it, or end it.`,
    )
  }
}

/** Identifies a process by its pid and start time, because pids are reused; undefined if it does not run. */
function ownerOf(pid: number): string | undefined {
  try {
    const [, fields = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')
    return `${pid} since ${fields.split(' ')[19]}`
  } catch {
    return undefined
  }
}
