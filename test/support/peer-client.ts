import type { Clock } from '../../src/clock.ts'
import { Counters } from '../../src/telemetry/counters.ts'
import { PeerClient } from '../../src/transport/peer-client.ts'
import type { PeerTransport } from '../../src/transport/peer-transport.ts'

/** Sends requests to peers through `transport`; without one, no peer can be reached. */
export function peerClient(clock: Clock, transport?: PeerTransport): PeerClient {
  return new PeerClient({
    clock,
    counters: new Counters(),
    transport: transport ?? (() => Promise.reject(new Error('There are no peers here'))),
    openExchange: undefined,
    signer: undefined,
    tracing: undefined,
    requestTimeoutMs: 5_000,
  })
}
