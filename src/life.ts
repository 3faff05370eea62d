import type { Clock } from './clock.ts'
import { Connection, type Sink, type Surroundings } from './core/connection.ts'
import { EventStream } from './core/event-stream.ts'
import { Hub } from './core/hub.ts'
import { Log } from './core/log.ts'
import { Reader } from './core/reader.ts'
import type { Tally } from './core/tally.ts'
import type { Terms } from './core/terms.ts'
import { type Timing, timing } from './core/timing.ts'
import type { Faults } from './faults.ts'
import { Mesh } from './mesh/mesh.ts'
import { tallied } from './mesh/tallied-transport.ts'
import type { Transport } from './mesh/transport.ts'
import type { ResolvedSettings } from './options.ts'
import type { GapReason } from './wire/frame.ts'
import { drawEpoch } from './wire/position.ts'

export interface LifeOptions {
  settings: ResolvedSettings
  clock: Clock
  faults: Faults
  tally: Tally
  transport: Transport
  onFrozen: () => void
}

/** One life of this Pod, under one epoch: its log, those who listen, and its ties to the others. */
export class Life {
  readonly log: Log
  readonly hub: Hub
  readonly mesh: Mesh
  readonly #options: LifeOptions
  readonly #timing: Timing
  readonly #surroundings: Surroundings

  constructor(options: LifeOptions) {
    const { clock, faults, onFrozen, tally, transport } = options
    const { logMaxAgeMs, logMaxBytes, history, tracing } = options.settings
    this.#timing = timing(logMaxAgeMs)
    const epoch = drawEpoch(clock.random)
    this.#options = options
    this.log = new Log({ epoch, maxAgeMs: logMaxAgeMs, maxBytes: logMaxBytes, timing: this.#timing, history })
    this.hub = new Hub({ ...options.settings, log: this.log, clock, faults, tally })
    const { retryMs } = options.settings
    this.#surroundings = { log: this.log, now: () => clock.now(), retryMs, tally }
    const { requestTimeoutMs, ackTimeoutMs, hydrateTimeoutMs } = options.settings
    const limits = { requestTimeoutMs, ackTimeoutMs, hydrateTimeoutMs }
    this.mesh = new Mesh({
      log: this.log,
      timing: this.#timing,
      clock,
      faults,
      tally,
      onFrozen,
      transport: tallied(transport, clock, tally),
      tracing,
      ...limits,
    })
  }

  /** Why a client that comes with `lastEventId` may have missed events, as far as is known now. */
  gapFor(streams: readonly string[], lastEventId: string): GapReason | undefined {
    return this.#read(streams, lastEventId).gap
  }

  /** What a client gets that listens on `streams`, came with `lastEventId`, and was allowed when the log stood at `since`. */
  open(
    streams: readonly string[],
    lastEventId: string | undefined,
    terms?: Terms,
    since: number = this.log.head,
  ): EventStream {
    return new EventStream(this.hub, (sink) => this.connect(streams, lastEventId, sink, terms), since)
  }

  connect(
    streams: readonly string[],
    lastEventId: string | undefined,
    sink: Sink,
    terms?: Terms,
  ): Connection {
    const audience = this.hub.crowd.audience(streams)
    const { reader, gap } = this.#read(audience.streams, lastEventId)
    const isResumed = lastEventId !== undefined
    return new Connection({ audience, reader, gap, isResumed, sink, surroundings: this.#surroundings, terms })
  }

  stop(): void {
    this.hub.close()
    this.mesh.stop()
  }

  #read(
    streams: readonly string[],
    lastEventId: string | undefined,
  ): { reader: Reader; gap: GapReason | undefined } {
    const { clock, settings } = this.#options
    const reader = new Reader(this.log, streams, this.#timing)
    if (lastEventId === undefined) return { reader, gap: undefined }
    // Without history there is nothing to resume from; the gap clears the id, which nobody here keeps up to date.
    if (!settings.history) return { reader, gap: 'unreadable' }
    return { reader, gap: reader.resume(lastEventId, settings.maxPositionBytes, clock.now()) }
  }
}
