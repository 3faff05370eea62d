import { until } from '../../test/support/until.ts'
import type { BenchServer } from '../harness/bench-server.ts'
import { pod } from '../harness/pod.ts'
import { StaticPeerFinder, serve } from '../harness/source.ts'
import { address, addresses, INTERNAL_PORT } from './pods-peers.ts'

/** The Pod that has the clients, in a fleet of `pods`. */
export const server: BenchServer = {
  name: '**sser on Node**',
  async serve(port, { pods = 1 }) {
    const measured = pod({
      peerFinder: new StaticPeerFinder(addresses(Number(pods))),
      internalPort: INTERNAL_PORT,
    })
    await serve({
      ...measured,
      port,
      hostname: '127.0.0.1',
      internalHostname: address(0),
    })
    // The list names this Pod as well.
    const isMet = () => measured.sser.peers.every(({ state }) => state === 'connected' || state === 'self')
    await until('the other Pods are connected', isMet, 230_000)
  },
}
