import type { Clock } from '../../src/clock.ts'
import { Tally } from '../../src/telemetry/tally.ts'
import { PeerClient } from '../../src/transport/peer-client.ts'
import type { PeerTransport } from '../../src/transport/peer-transport.ts'

/** Sends requests to peers through `transport`; without one, no peer can be reached. */
export function peerClient(clock: Clock, transport?: PeerTransport): PeerClient {
  return new PeerClient({
    clock,
    tally: new Tally(),
    transport: transport ?? (() => Promise.reject(new Error('There are no peers here'))),
    signer: undefined,
    tracing: undefined,
    requestTimeoutMs: 5_000,
  })
}
