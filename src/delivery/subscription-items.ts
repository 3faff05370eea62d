import type { EventEntry, V1EventEntry } from '../log/entry.ts'
import type { GapReason } from '../wire/sse-frame.ts'
import type { SliceOutput } from './reader.ts'

/** An event of a subscription. */
export interface SubscriptionEvent {
  /** Tells it from a gap. */
  readonly type: 'event'
  /** Position after this event: pass it as `after` to continue with the next one, on any Pod. */
  readonly id: string
  /** The stream to which it was sent. */
  readonly stream: string
  /** The event type: `message` where the sender named none. */
  readonly event: string
  /** The message as it was sent. */
  readonly data: string
}

/** The subscription may have missed events before this position. */
export interface SubscriptionGap {
  /** Tells it from an event. */
  readonly type: 'gap'
  /** Position from which the subscription continues. */
  readonly id: string
  /** Reason why it may have missed events. */
  readonly reason: GapReason
}

/** One result of a subscription. */
export type SubscriptionItem = SubscriptionEvent | SubscriptionGap

/** A slice of the log as the items of a subscription; frozen, because subscribers share them. */
export class SubscriptionItems implements SliceOutput {
  readonly items: SubscriptionItem[] = []
  length = 0

  event(entry: EventEntry | V1EventEntry, formatId: (last?: string) => string): void {
    const id = formatId(entry.kind === 'event' ? entry.epoch : undefined)
    const data = entry.msg as string
    const event = (entry.kind === 'event' ? entry.event : undefined) ?? 'message'
    this.length += id.length + data.length
    this.items.push(Object.freeze({ type: 'event', id, stream: entry.stream, event, data }))
  }

  gap(reason: GapReason, formatId: () => string): void {
    this.items.push(Object.freeze({ type: 'gap', id: formatId(), reason }))
  }
}
