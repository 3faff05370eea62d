import { StaticPeerFinder } from '../../src/index.ts'
import { serve } from '../../src/node.ts'
import type { BenchServer } from '../harness/bench-server.ts'
import { pod } from '../harness/pod.ts'
import { address, addresses, INTERNAL_PORT } from './pods-peers.ts'

/** The Pod that has the clients, in a fleet of `pods`. */
export const server: BenchServer = {
  name: '**sser on Node**',
  async serve(port, { pods = 1 }) {
    await serve({
      ...pod({ peerFinder: new StaticPeerFinder(addresses(Number(pods))), internalPort: INTERNAL_PORT }),
      port,
      hostname: '127.0.0.1',
      internalHostname: address(0),
    })
  },
}
