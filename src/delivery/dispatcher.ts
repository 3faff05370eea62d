import { atTurnEnd, type Clock, runYielding } from '../clock.ts'
import type { EventEntry } from '../log/entry.ts'
import type { Log } from '../log/log.ts'
import { quietly, type Tracing } from '../telemetry/tracing.ts'
import { formatPosition } from '../wire/position.ts'
import { isSampled } from '../wire/traceparent.ts'
import { Batch } from './batch.ts'
import { BatchDelivery, type BatchDeliveryOptions, type Turn } from './batch-delivery.ts'
import type { ConnectionRegistry } from './connection-registry.ts'

export interface DispatcherOptions extends BatchDeliveryOptions {
  log: Log
  clock: Clock
  registry: ConnectionRegistry
  tracing: Tracing | undefined
  onError(error: unknown): void
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
    if (!this.#isRunning) this.#start()
  }

  /** Apart from {@link schedule}, because a function that makes closures allocates their scope in each call. */
  #start(): void {
    this.#isRunning = true
    const { clock } = this.#options
    atTurnEnd(clock, () => {
      runYielding(clock, this.#deliver(), this.#options.onError, () => {
        this.#isRunning = false
      })
    })
  }

  /** Delivers until nothing is new; yields after a number of connections, and after an eighth of the buffers. */
  *#deliver(): Generator<void> {
    const { log, clock, registry, tracing } = this.#options
    let turn = this.#newTurn()
    while (this.#deliveredIndex < log.nextIndex) {
      const { nextIndex } = log
      const batch = new Batch(log, this.#deliveredIndex, clock.now(), (stream) => registry.get(stream))
      const endSpans = tracing && traceDelivery(tracing, batch.traced, (stream) => registry.listeners(stream))
      const delivery = new BatchDelivery(batch, registry.audiences, this.#options)
      // Its loops are not here, because V8 runs those of a generator more slowly.
      while (!delivery.serve(turn)) {
        yield
        batch.work = 0
        turn = this.#newTurn()
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
