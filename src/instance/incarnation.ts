import type { Clock } from '../clock.ts'
import type { ConnectionContext } from '../delivery/connection.ts'
import { Hub } from '../delivery/hub.ts'
import { SubscriberHub } from '../delivery/subscriber-hub.ts'
import type { Settings } from '../internals.ts'
import { Log } from '../log/log.ts'
import { Mesh } from '../replication/mesh.ts'
import { RunMesh } from '../runs/run-mesh.ts'
import { Runs } from '../runs/runs.ts'
import type { Counters } from '../telemetry/counters.ts'
import type { ErrorReporter } from '../telemetry/error-reporter.ts'
import type { Logging } from '../telemetry/logging.ts'
import type { PeerClient } from '../transport/peer-client.ts'
import { validateMessage } from '../wire/names.ts'
import { randomEpoch } from '../wire/position.ts'
import type { V1Event } from '../wire/v1.ts'

/** Parts of an instance that most of its other parts use. */
export interface SharedParts {
  settings: Settings
  clock: Clock
  logging: Logging
  errors: ErrorReporter
  counters: Counters
}

export interface IncarnationOptions extends Omit<SharedParts, 'logging'> {
  logging: Pick<Logging, 'notice' | 'warnOncePerMinute'>
  /** Sends the requests to peers. */
  client: PeerClient
  onPause: () => void
}

/** One incarnation of this Pod, under one epoch: its log, its connections, and the links to its peers. */
export class Incarnation {
  readonly log: Log
  readonly hub: Hub
  readonly subscribers: SubscriberHub
  readonly mesh: Mesh
  readonly runs: Runs
  readonly runMesh: RunMesh
  readonly settings: Settings
  readonly context: ConnectionContext

  constructor(options: IncarnationOptions) {
    const { client, clock, errors, onPause, counters } = options
    const { logMaxAgeMs, logMaxBytes, resume, maxLastEventIdBytes } = options.settings
    const epoch = randomEpoch(clock.random)
    this.settings = options.settings
    this.log = new Log({
      epoch,
      maxAgeMs: logMaxAgeMs,
      maxBytes: logMaxBytes,
      isResumable: resume,
      maxLastEventIdBytes,
    })
    // Before the hub, because of the callbacks at the end of a turn the first are called first: an event reaches the clients of
    // other Pods last.
    const { ackTimeoutMs, initialSyncTimeoutMs, requestTimeoutMs } = options.settings
    const { runs: limits, maxMessageBytes } = options.settings
    const shared = { log: this.log, clock, errors }
    this.runs = new Runs({
      ...shared,
      limits,
      counts: counters.runs,
      logging: options.logging,
      maxMessageBytes,
      ackTimeoutMs,
    })
    this.runMesh = new RunMesh({
      ...shared,
      client,
      runs: this.runs,
      holders: limits.holders,
      links: () => this.mesh.links,
    })
    this.runs.join(this.runMesh)
    this.mesh = new Mesh({
      ...shared,
      counters,
      onPause,
      client,
      requestTimeoutMs,
      ackTimeoutMs,
      initialSyncTimeoutMs,
      sideChannel: this.runMesh,
      onLinksChange: () => this.runMesh.onLinksChange(),
      onHole: (epoch) => this.runMesh.onHole(epoch),
    })
    const { heartbeatMs, slowClientTimeoutMs, maxOutputBufferBytes, tracing } = options.settings
    const { maxConnections, maxConnectionsPerAddress, maxStreams, retryMs } = options.settings
    this.hub = new Hub({
      log: this.log,
      clock,
      errors,
      counters,
      tracing,
      heartbeatMs,
      slowClientTimeoutMs,
      maxOutputBufferBytes,
      limits: { maxConnections, maxConnectionsPerAddress, maxStreams },
    })
    this.context = {
      log: this.log,
      now: () => clock.now(),
      retryMs,
      heartbeatMs,
      counters,
      outputs: this.hub.outputs,
    }
    this.subscribers = new SubscriberHub({
      log: this.log,
      clock,
      maxLastEventIdBytes,
      onError: (error) => errors.report(error, { stage: 'deliver' }),
    })
  }

  /** Appends an event of a Go Pod. @throws SserError `empty-message`, `invalid-message` or `message-too-large` */
  receiveV1({ stream, msg }: V1Event): void {
    const fault = validateMessage(msg, this.settings.maxMessageBytes)
    if (fault !== undefined) throw fault
    this.log.appendV1(stream, msg, this.context.now())
    this.context.counters.received += 1
  }

  /** `reason`: why runs of this Pod that have not ended end with it. */
  stop(reason: 'draining' | 'process-paused' = 'draining'): void {
    this.runs.stop(reason)
    this.runMesh.stop()
    this.hub.close()
    this.mesh.stop()
  }
}
