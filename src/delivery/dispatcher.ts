import { atTurnEnd, type Clock, runYielding } from '../clock.ts'
import type { EventEntry } from '../log/entry.ts'
import type { Log } from '../log/log.ts'
import { quietly, type Tracing } from '../telemetry/tracing.ts'
import { formatPosition } from '../wire/position.ts'
import { isSampled } from '../wire/traceparent.ts'
import { Batch, WRITE_WORK } from './batch.ts'
import type { ConnectionRegistry } from './connection-registry.ts'
import type { OutputBuffers } from './output-buffers.ts'
import type { StreamConnection } from './stream-connection.ts'

/** Connections that one turn of the event loop serves. */
export const YIELD_EVERY = 250

export interface DispatcherOptions {
  log: Log
  clock: Clock
  registry: ConnectionRegistry
  outputs: OutputBuffers
  tracing: Tracing | undefined
  /** A connection fell behind, and asks to read its next slice of the log. */
  onBehind(connection: StreamConnection): void
  /** A connection's sink threw. */
  onBroken(connection: StreamConnection, error: unknown): void
  onError(error: unknown): void
}

/** Limits of one turn of the event loop. */
interface Turn {
  /** Work so far. */
  work: number
  /** Buffered bytes that end the turn. */
  maxBytes: number
}

/** Delivers new log entries to the connections, in batches. */
export class Dispatcher {
  readonly #options: DispatcherOptions
  #deliveredIndex: number
  #isRunning = false

  constructor(options: DispatcherOptions) {
    this.#options = options
    this.#deliveredIndex = options.log.nextIndex
  }

  /** Every entry before this index was delivered to the connections that are not behind. */
  get deliveredIndex(): number {
    return this.#deliveredIndex
  }

  /** Delivers all entries that are appended in this turn of the event loop as one chunk per connection. */
  schedule(): void {
    if (this.#isRunning) return
    this.#isRunning = true
    const { clock } = this.#options
    atTurnEnd(clock, () => {
      runYielding(clock, this.#deliver(), this.#options.onError, () => {
        this.#isRunning = false
      })
    })
  }

  /** Delivers until nothing is new; yields after {@link YIELD_EVERY} connections, and after an eighth of the buffers. */
  *#deliver(): Generator<void> {
    const { log, clock, registry, tracing } = this.#options
    let turn = this.#newTurn()
    while (this.#deliveredIndex < log.nextIndex) {
      const { nextIndex } = log
      const batch = new Batch(log, this.#deliveredIndex, clock.now(), (stream) => registry.get(stream))
      const endSpans = tracing && traceDelivery(tracing, batch.traced, (stream) => registry.listeners(stream))
      for (const audience of registry.affectedBy(batch)) {
        // The Set may change meanwhile, because a connection that is added now begins after this batch.
        const connections = audience.connections.values()
        while (!this.#serve(connections, batch, turn)) {
          yield
          batch.work = 0
          turn = this.#newTurn()
        }
      }
      batch.end()
      endSpans?.()
      this.#deliveredIndex = batch.to
      // More follows. The sinks need the turn as well, because a client asks for the next chunk when it has taken this one.
      if (batch.to < nextIndex) yield
    }
  }

  #newTurn(): Turn {
    const { outputs } = this.#options
    // Integers, because V8 allocates other numbers anew for each connection.
    return { work: 0, maxBytes: outputs.bytes + Math.floor(outputs.maxBytes / 8) }
  }

  /**
   * Delivers to the next connections until the turn is over; returns true if they are all served. It is apart
   * from the generator, whose loops V8 runs more slowly.
   */
  #serve(connections: Iterable<StreamConnection>, batch: Batch, turn: Turn): boolean {
    const { outputs, onBehind, onBroken } = this.#options
    for (const connection of connections) {
      try {
        if (connection.deliver(batch)) onBehind(connection)
      } catch (error) {
        onBroken(connection, error)
      }
      turn.work += WRITE_WORK
      if (turn.work + batch.work >= YIELD_EVERY * WRITE_WORK || outputs.bytes > turn.maxBytes) return false
    }
    return true
  }
}

/** Begins a span for each sampled event; the returned function ends them. */
function traceDelivery(
  tracing: Tracing,
  entries: readonly EventEntry[],
  listeners: (stream: string) => number,
): () => void {
  const spans = entries.map(({ epoch, seq, stream, traceparent }) => {
    if (traceparent === undefined || !isSampled(traceparent)) return undefined
    const id = formatPosition([[epoch, seq]])
    return quietly(() => tracing.deliver({ stream, id, traceparent, connections: listeners(stream) }))
  })
  return () => {
    for (const span of spans) quietly(() => span?.end())
  }
}
