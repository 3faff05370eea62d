import type { Clock } from '../clock.ts'
import { Connection, type ConnectionContext, type Sink } from '../delivery/connection.ts'
import { EventStream } from '../delivery/event-stream.ts'
import { Hub } from '../delivery/hub.ts'
import { Reader } from '../delivery/reader.ts'
import type { Terms } from '../delivery/terms.ts'
import { Log } from '../log/log.ts'
import { type Timing, timing } from '../log/timing.ts'
import type { ResolvedSettings } from '../options.ts'
import { Mesh } from '../replication/mesh.ts'
import type { Counters } from '../telemetry/counters.ts'
import type { ErrorReporter } from '../telemetry/error-reporter.ts'
import type { PeerClient } from '../transport/peer-client.ts'
import type { GapReason } from '../wire/frame.ts'
import { randomEpoch } from '../wire/position.ts'

export interface IncarnationOptions {
  settings: ResolvedSettings
  clock: Clock
  errors: ErrorReporter
  counters: Counters
  /** Sends the requests to peers. */
  client: PeerClient
  onPause: () => void
}

/** A reader of the log for one client, and why that client may have missed events. */
interface Reading {
  reader: Reader
  gap: GapReason | undefined
  /** Whether the client came with an id. */
  isResumed: boolean
}

/** One incarnation of this Pod, under one epoch: its log, those who listen, and its ties to the others. */
export class Incarnation {
  readonly log: Log
  readonly hub: Hub
  readonly mesh: Mesh
  readonly #options: IncarnationOptions
  readonly #timing: Timing
  readonly #context: ConnectionContext

  constructor(options: IncarnationOptions) {
    const { client, clock, errors, onPause, counters } = options
    const { logMaxAgeMs, logMaxBytes, resume, maxLastEventIdBytes } = options.settings
    this.#timing = timing(logMaxAgeMs)
    const epoch = randomEpoch(clock.random)
    this.#options = options
    this.log = new Log({
      epoch,
      maxAgeMs: logMaxAgeMs,
      maxBytes: logMaxBytes,
      timing: this.#timing,
      isResumable: resume,
      maxLastEventIdBytes,
    })
    this.hub = new Hub({ ...options.settings, log: this.log, clock, errors, counters })
    const { retryMs } = options.settings
    this.#context = { log: this.log, now: () => clock.now(), retryMs, counters, outputs: this.hub.outputs }
    const { ackTimeoutMs, initialSyncTimeoutMs } = options.settings
    this.mesh = new Mesh({
      log: this.log,
      timing: this.#timing,
      clock,
      errors,
      counters,
      onPause,
      client,
      ackTimeoutMs,
      initialSyncTimeoutMs,
    })
  }

  /**
   * The response to a client that listens on `streams`, came with `lastEventId`, and was allowed when the log stood at
   * `since`. It begins here and now, whenever its body is read; `gap`: why the client may have missed events.
   */
  open(
    streams: readonly string[],
    lastEventId: string | undefined,
    terms?: Terms,
    since: number = this.log.nextIndex,
  ): { stream: EventStream; gap: GapReason | undefined } {
    const read = this.#read(streams, lastEventId)
    const stream = new EventStream(this.hub, (sink) => this.#connect(streams, read, sink, terms), since)
    return { stream, gap: read.gap }
  }

  connect(
    streams: readonly string[],
    lastEventId: string | undefined,
    sink: Sink,
    terms?: Terms,
  ): Connection {
    return this.#connect(streams, this.#read(streams, lastEventId), sink, terms)
  }

  stop(): void {
    this.hub.close()
    this.mesh.stop()
  }

  #connect(streams: readonly string[], read: Reading, sink: Sink, terms?: Terms): Connection {
    const audience = this.hub.crowd.audience(streams)
    return new Connection({ ...read, audience, sink, context: this.#context, terms })
  }

  #read(streams: readonly string[], lastEventId: string | undefined): Reading {
    const { clock, settings } = this.#options
    const reader = new Reader(this.log, streams, this.#timing)
    if (lastEventId === undefined) return { reader, gap: undefined, isResumed: false }
    // Without `resume` there is nothing to resume from; the gap clears the id, which nobody here keeps up to date.
    if (!settings.resume) return { reader, gap: 'invalid-id', isResumed: true }
    const gap = reader.resume(lastEventId, settings.maxLastEventIdBytes, clock.now())
    return { reader, gap, isResumed: true }
  }
}
