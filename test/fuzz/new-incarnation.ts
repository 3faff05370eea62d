import { Incarnation } from '../../src/instance/incarnation.ts'
import { Counters } from '../../src/telemetry/counters.ts'
import { ErrorReporter } from '../../src/telemetry/error-reporter.ts'
import { Logging } from '../../src/telemetry/logging.ts'
import type { PeerTransport } from '../../src/transport/peer-transport.ts'
import { peerClient } from '../support/peer-client.ts'
import { settingsOf, type TestSettings } from '../support/settings.ts'
import { StepClock } from './step-clock.ts'

export interface IncarnationOptions extends TestSettings {
  transport?: PeerTransport
  /** Their addresses. */
  peers?: readonly string[]
}

/** A Pod's log, hub and mesh, joined, on time that is stepped. */
export async function newIncarnation({ transport, peers = [], ...settings }: IncarnationOptions = {}) {
  const clock = new StepClock()
  const errors: unknown[] = []
  const incarnation: Incarnation = new Incarnation({
    settings: settingsOf(settings),
    clock,
    errors: new ErrorReporter((error) => errors.push(error)),
    counters: new Counters(),
    logging: new Logging(false, clock),
    client: peerClient(clock, transport),
    onPause: () => incarnation.stop(),
  })
  incarnation.mesh.setPeers(
    peers.map((address) => ({ address })),
    7_000,
  )
  const joining = incarnation.mesh.start()
  for (let waits = 0; !incarnation.mesh.isReady && waits < 40; waits += 1) await clock.advance(250)
  await joining
  return { clock, errors, incarnation }
}
