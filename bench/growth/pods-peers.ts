import type { BenchServer } from '../harness/bench-server.ts'
import { pod } from '../harness/pod.ts'
import { StaticPeerFinder, serve } from '../harness/source.ts'

export const INTERNAL_PORT = 7_110

/** Address of a Pod; each has a separate one, as in a cluster. */
export const address = (i: number) => `127.0.2.${i + 1}`

export function addresses(pods: number): string[] {
  return Array.from({ length: pods }, (_, i) => `${address(i)}:${INTERNAL_PORT}`)
}

/**
 * All Pods of a fleet of `pods` except the first, in one process. `isMesh`: they know each other, as those of a cluster do;
 * otherwise they know the first one alone, because the links between 49 Pods are the work of a minute for one process, and
 * the first Pod has none of it.
 */
export const server: BenchServer = {
  name: 'the other Pods',
  async serve(port, { pods = 2, isMesh = false }) {
    process.setMaxListeners(0)
    const peerFinder = new StaticPeerFinder(addresses(isMesh ? Number(pods) : 1))
    // At once, because each waits for a while for the first one, which starts later.
    const started = Array.from({ length: Number(pods) - 1 }, (_, i) =>
      serve({
        ...pod({ peerFinder, internalPort: INTERNAL_PORT }),
        port: i === 0 ? port : 0,
        hostname: '127.0.0.1',
        internalHostname: address(i + 1),
      }),
    )
    await Promise.all(started)
  },
}
