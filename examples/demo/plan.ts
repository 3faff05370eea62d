import { createServer } from 'node:net'

/** Ports and addresses of one Pod. */
export interface PodPlan {
  host: string
  port: number
  internalPort: number
}

/** The same ports on 127.0.0.1, .2, .3; or, where only the first exists (macOS), one port after the other on it. */
export async function planPods(wanted: {
  pods: number
  port: number
  internalPort: number
}): Promise<PodPlan[]> {
  const { pods, port, internalPort } = wanted
  const hosts = Array.from({ length: pods }, (_, i) => `127.0.0.${i + 1}`)
  const haveAddresses = (await Promise.all(hosts.map(isOurs))).every(Boolean)
  return hosts.map((host, i) =>
    haveAddresses
      ? { host, port, internalPort }
      : { host: '127.0.0.1', port: port + i, internalPort: internalPort + i },
  )
}

function isOurs(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(0, host, () => probe.close(() => resolve(true)))
  })
}
