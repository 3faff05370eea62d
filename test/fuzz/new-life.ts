import { Life } from '../../src/instance/life.ts'
import { resolveSettings, type Settings } from '../../src/options.ts'
import { Counters } from '../../src/telemetry/counters.ts'
import { ErrorReporter } from '../../src/telemetry/error-reporter.ts'
import type { PeerTransport } from '../../src/transport/peer-transport.ts'
import { peerClient } from '../support/peer-client.ts'
import { StepClock } from './step-clock.ts'

export interface LifeOptions extends Settings {
  transport?: PeerTransport
  /** Their addresses. */
  peers?: readonly string[]
}

/** A Pod's log, hub and mesh, joined, on time that is stepped. */
export async function newLife({ transport, peers = [], ...settings }: LifeOptions = {}) {
  const clock = new StepClock()
  const errors: unknown[] = []
  const life: Life = new Life({
    settings: resolveSettings(settings),
    clock,
    errors: new ErrorReporter((error) => errors.push(error)),
    counters: new Counters(),
    client: peerClient(clock, transport),
    onFrozen: () => life.stop(),
  })
  life.mesh.setPeers(
    peers.map((address) => ({ address })),
    7_000,
  )
  const joining = life.mesh.join()
  for (let waits = 0; !life.mesh.isReady && waits < 40; waits += 1) await clock.advance(250)
  await joining
  return { clock, errors, life }
}
