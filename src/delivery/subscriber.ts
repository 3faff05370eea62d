import type { GapReason } from '../wire/sse-frame.ts'
import type { Reader } from './reader.ts'
import type { SubscriberAudience } from './subscriber-audiences.ts'
import type { SubscriberHub } from './subscriber-hub.ts'
import type { SubscriptionItem } from './subscription-items.ts'

/** Result of a call of `next()`. */
export type SubscriptionResult = IteratorResult<SubscriptionItem, undefined>

const DONE: SubscriptionResult = Object.freeze({ done: true, value: undefined })
const NO_ITEMS: readonly SubscriptionItem[] = []

/** Cursor of a subscriber over the log of one incarnation. */
interface Attachment {
  hub: SubscriberHub
  reader: Reader
  /** Reason of the gap that comes first. */
  gap: GapReason | undefined
  /** Defined while it has read every entry of its streams: the hub then wakes it with the next one. */
  audience: SubscriberAudience | undefined
  /** Log index before which the subscription ends. */
  endIndex: number
}

export interface SubscriberOptions {
  /** In ascending order, each once. */
  streams: readonly string[]
  /** Id after which it begins, or `oldest`; undefined: with the first event after it is attached. */
  after: string | undefined
  onItem(item: SubscriptionItem): void
  onClose(subscriber: Subscriber): void
}

/**
 * A subscription's cursor over the log. It has no queue: it reads a slice of the log when its consumer asks for the next
 * item, and the rest of that slice is all that it holds. While the consumer does not ask, new events do not reach it.
 */
export class Subscriber {
  readonly streams: readonly string[]
  /** The same for all subscribers of the same streams. */
  readonly key: string
  readonly #options: SubscriberOptions
  #after: string | undefined
  /** Reason of the gap that comes first in the next incarnation. */
  #gap: GapReason | undefined
  #attachment: Attachment | undefined
  #items: readonly SubscriptionItem[] = NO_ITEMS
  #taken = 0
  /** The calls of `next()` that wait, in their order. */
  readonly #pending: ((result: SubscriptionResult) => void)[] = []
  #isClosed = false

  constructor(options: SubscriberOptions) {
    this.#options = options
    this.streams = options.streams
    // Stream names have no line breaks.
    this.key = options.streams.join('\n')
    this.#after = options.after
  }

  /** The next item; the promise is pending until there is one, or the subscription ends. */
  next(): Promise<SubscriptionResult> {
    if (this.#pending.length === 0) {
      this.#fill()
      const item = this.#take()
      if (item !== undefined) return Promise.resolve({ done: false, value: item })
      if (this.#isClosed) return Promise.resolve(DONE)
    }
    return new Promise((resolve) => this.#pending.push(resolve))
  }

  /** Begins to read the log of a new incarnation, or goes on there after the last id. */
  attach({ subscribers: hub }: { subscribers: SubscriberHub }): void {
    if (this.#isClosed) return
    const { reader, gap } = hub.open(this.streams, this.#after)
    this.#attachment = {
      hub,
      reader,
      gap: this.#gap ?? gap,
      audience: undefined,
      endIndex: Number.POSITIVE_INFINITY,
    }
    this.#after = undefined
    this.#gap = undefined
    this.#joinIfRead(this.#attachment)
    this.wake()
  }

  /** Leaves the log of an incarnation that ends, and keeps its position. */
  detach(): void {
    const attachment = this.#attachment
    if (attachment === undefined) return
    this.#leave(attachment)
    if (attachment.endIndex !== Number.POSITIVE_INFINITY) return this.close()
    const { after, gap } = attachment.hub.lastPosition(attachment.reader)
    this.#after = after
    this.#gap = attachment.gap ?? gap
    this.#attachment = undefined
  }

  /** The log has a new entry for it. Without a pending `next()` it costs nothing from here on, until that is called. */
  onEntry(): void {
    if (this.#attachment !== undefined) this.#leave(this.#attachment)
    this.wake()
  }

  /** Reads on where a `next()` is pending. */
  wake(): void {
    while (this.#pending.length > 0) {
      this.#fill()
      const item = this.#take()
      if (item === undefined && !this.#isClosed) return
      this.#pending.shift()?.(item === undefined ? DONE : { done: false, value: item })
    }
  }

  /** Ends the subscription once it has received the entries that the log has now. */
  finish(): void {
    const attachment = this.#attachment
    if (attachment === undefined) return this.close()
    this.#leave(attachment)
    attachment.endIndex = attachment.hub.nextIndex
    if (this.#items.length === 0) this.#endIfRead(attachment)
    this.wake()
  }

  /** Ends the subscription at once. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    if (this.#attachment !== undefined) this.#leave(this.#attachment)
    this.#attachment = undefined
    this.#options.onClose(this)
    this.wake()
  }

  /** Discards the items that it holds. */
  discard(): void {
    this.#items = NO_ITEMS
    this.close()
  }

  #take(): SubscriptionItem | undefined {
    const item = this.#items[this.#taken]
    if (item === undefined) return undefined
    this.#taken += 1
    if (this.#taken === this.#items.length) this.#items = NO_ITEMS
    this.#options.onItem(item)
    return item
  }

  /** Reads slices until it holds an item, has read every entry, or this turn of the event loop has no time left. */
  #fill(): void {
    for (;;) {
      const attachment = this.#attachment
      if (this.#items.length > 0 || attachment === undefined || attachment.audience !== undefined) return
      if (this.#endIfRead(attachment)) return
      const items = this.#read(attachment)
      if (items === undefined) return
      this.#items = items
      this.#taken = 0
      this.#joinIfRead(attachment)
    }
  }

  /** Undefined: the hub wakes the subscriber in a later turn of the event loop. */
  #read(attachment: Attachment): readonly SubscriptionItem[] | undefined {
    const { hub, reader, gap, endIndex } = attachment
    if (gap === undefined) return hub.read(this, reader, endIndex)
    attachment.gap = undefined
    return [hub.gap(reader, gap)]
  }

  #endIfRead({ reader, gap, endIndex }: Attachment): boolean {
    if (gap !== undefined || reader.cursor < endIndex) return false
    this.close()
    return true
  }

  #joinIfRead(attachment: Attachment): void {
    const { hub, reader, gap, endIndex } = attachment
    if (gap !== undefined || endIndex !== Number.POSITIVE_INFINITY || reader.cursor < hub.nextIndex) return
    attachment.audience = hub.join(this)
  }

  /** Leaves the audience: its streams have no entries before the first one that the hub has not delivered. */
  #leave(attachment: Attachment): void {
    const { hub, reader, audience } = attachment
    if (audience === undefined) return
    hub.leave(this, reader, audience)
    attachment.audience = undefined
  }
}
