import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { Namespace } from './namespace.ts'
import { ip, run } from './run.ts'

/** The name of the bridge, and what the names of all the rig's namespaces and interfaces begin with. */
const NAME = 'sser-rig'
const SWEEP_MS = 10_000

/**
 * What Pods, the control plane and the test's own process meet on: a bridge with the host side as .0.1.
 * Node N has 10.244.N.0/24 and fd00:244::N:0/112; node 0 is the host side and the control plane.
 *
 * All of it, processes included, can be found again by name. So what a run that crashed has left is swept away by
 * the next, and one machine has one rig at a time.
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
      // Left to itself, a bridge takes the lowest address of its ports, and whoever knew it by its former one is cut off
      // whenever a Pod with a lower one comes or goes.
      `link add ${NAME} address 02:00:0a:f4:00:01 type bridge`,
      `link set ${NAME} alias "${ownerOf(process.pid)}"`,
      `addr add 10.244.0.1/16 dev ${NAME}`,
      // Without duplicate address detection, which would leave the address unusable for the first seconds.
      `addr add fd00:244::1/64 dev ${NAME} nodad`,
      `link set ${NAME} up`,
    ])
    return new Network()
  }

  /** A namespace on the network with the addresses that node and number make. */
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

  /** Ends what is in the namespace, and the namespace. */
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
    await namespace.endAll()
    // The interface goes with the namespace, but only some time later.
    await ip([`link del ${namespace.name}`, `netns del ${namespace.name}`])
    this.#namespaces.delete(namespace)
  }
}

/** What of a rig is on this machine: namespaces, interfaces, and processes. */
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
    await new Namespace(name, '', '').endAll()
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

/** A process by its pid and the time of its start, for pids come again; nothing if it does not run. */
function ownerOf(pid: number): string | undefined {
  try {
    const [, fields = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')
    return `${pid} since ${fields.split(' ')[19]}`
  } catch {
    return undefined
  }
}
