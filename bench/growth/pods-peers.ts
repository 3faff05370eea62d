import { until } from '../../test/support/until.ts'
import type { BenchServer } from '../harness/bench-server.ts'
import { pod } from '../harness/pod.ts'
import { serve } from '../harness/source.ts'
import { StartedPods } from './started-pods.ts'

export const INTERNAL_PORT = 7_110

const CONNECT_MS = 60_000
/** Interval of a check, which looks at every link. */
const CHECK_MS = 50

/** Address of a Pod; each has a separate one, as in a cluster. */
export const address = (i: number) => `127.0.2.${i + 1}`

export function addresses(pods: number): string[] {
  return Array.from({ length: pods }, (_, i) => `${address(i)}:${INTERNAL_PORT}`)
}

/**
 * Starts all Pods of a fleet of `pods` except the first in one process, which is not measured. They start one after another, as
 * those of a rollout, because a turn of the event loop accepts one connection of each listener: where all Pods of a process
 * connect at once, the connections at the end of the backlog reach their timeout, and their retries lengthen it.
 */
export const server: BenchServer = {
  name: 'the other Pods',
  async serve(port, { pods = 2 }) {
    process.setMaxListeners(0)
    const started = new StartedPods()
    const running: ReturnType<typeof pod>['sser'][] = []
    const isConnected = () =>
      running.every(({ peers }) => peers.every(({ state }) => state === 'connected' || state === 'self'))
    for (let i = 1; i < Number(pods); i += 1) {
      const other = pod({ peerFinder: started, internalPort: INTERNAL_PORT })
      await serve({
        ...other,
        port: i === 1 ? port : 0,
        hostname: '127.0.0.1',
        internalHostname: address(i),
      })
      running.push(other.sser)
      started.add(address(i))
      await until(`${i} Pods are connected`, isConnected, CONNECT_MS, CHECK_MS)
    }
    started.add(address(0))
  },
}
