import { Sser, StaticPeerFinder } from 'sser'

const { HOST = '127.0.0.1', INTERNAL_PORT = '7000', PEERS = HOST } = process.env
const shared = globalThis as { sser?: Sser }

// One instance for each process: Next bundles this file apart from server.ts, and evaluates it again after a change.
shared.sser ??= new Sser({
  peerFinder: new StaticPeerFinder(PEERS.split(',')),
  internalPort: Number(INTERNAL_PORT),
  maxConnectionsPerAddress: 20,
})

export const sser = shared.sser
