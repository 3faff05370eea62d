import { quietly, type Tracing } from '../tracing.ts'
import { printPosition } from '../wire/position.ts'
import { isSampled } from '../wire/traceparent.ts'
import type { EventItem } from './items.ts'

/** Begins a span for each event whose trace is sampled; what it returns ends them. */
export function traceDelivery(
  tracing: Tracing,
  items: readonly EventItem[],
  listeners: (stream: string) => number,
): () => void {
  const spans = items.map(({ epoch, seq, stream, traceparent }) => {
    const connections = listeners(stream)
    if (traceparent === undefined || epoch === undefined || connections === 0) return undefined
    if (!isSampled(traceparent)) return undefined
    const id = printPosition([[epoch, seq]])
    return quietly(() => tracing.deliver({ stream, id, traceparent, connections }))
  })
  return () => {
    for (const span of spans) quietly(() => span?.end())
  }
}
