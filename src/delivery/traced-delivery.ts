import type { EventEntry } from '../log/entry.ts'
import { quietly, type Tracing } from '../telemetry/tracing.ts'
import { formatPosition } from '../wire/position.ts'
import { isSampled } from '../wire/traceparent.ts'

/** Begins a span for each event whose trace is sampled; what it returns ends them. */
export function traceDelivery(
  tracing: Tracing,
  entries: readonly EventEntry[],
  listeners: (stream: string) => number,
): () => void {
  const spans = entries.map(({ epoch, seq, stream, traceparent }) => {
    if (traceparent === undefined || epoch === undefined || !isSampled(traceparent)) return undefined
    const id = formatPosition([[epoch, seq]])
    return quietly(() => tracing.deliver({ stream, id, traceparent, connections: listeners(stream) }))
  })
  return () => {
    for (const span of spans) quietly(() => span?.end())
  }
}
