import { createServer } from 'node:net'
import type { WantedPort } from './flags.ts'

/** Ports and addresses of one Pod. */
export interface PodPlan {
  host: string
  port: number
  internalPort: number
}

/** Number of ports that are tried in the place of one in use. */
const MAX_TRIES = 50

/** The same ports on 127.0.0.1, .2, .3; or, where only the first exists (macOS), one port after the other on it. */
export async function planPods(wanted: {
  pods: number
  port: WantedPort
  internalPort: WantedPort
}): Promise<PodPlan[]> {
  const addresses = Array.from({ length: wanted.pods }, (_, i) => `127.0.0.${i + 1}`)
  const haveAddresses = (await Promise.all(addresses.map((host) => canBind(host, 0)))).every(Boolean)
  const hosts = haveAddresses ? addresses : addresses.map(() => '127.0.0.1')
  const portOf = (first: number, i: number) => (haveAddresses ? first : first + i)
  const find = (port: WantedPort) =>
    firstFree(port, async (first) => {
      const free = await Promise.all(hosts.map((host, i) => canBind(host, portOf(first, i))))
      return free.every(Boolean)
    })
  const [port, internalPort] = await Promise.all([find(wanted.port), find(wanted.internalPort)])
  return hosts.map((host, i) => ({
    host,
    port: portOf(port, i),
    internalPort: portOf(internalPort, i),
  }))
}

/** The wanted port, or, if it may move, the next one that is free. */
export async function firstFree(
  { port, isMovable }: WantedPort,
  isFree: (port: number) => Promise<boolean>,
): Promise<number> {
  if (!isMovable) return port
  for (let tried = port; tried < port + MAX_TRIES; tried += 1) if (await isFree(tried)) return tried
  return port
}

/** Returns whether a server can listen there now. */
export function canBind(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, host, () => probe.close(() => resolve(true)))
  })
}
