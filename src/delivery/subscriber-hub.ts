import { type Clock, runYielding } from '../clock.ts'
import { type EvictionNotice, isEvent, isLoss, type LogEntry } from '../log/entry.ts'
import type { Log } from '../log/log.ts'
import type { GapReason } from '../wire/sse-frame.ts'
import { Reader } from './reader.ts'
import type { Subscriber } from './subscriber.ts'
import { type SubscriberAudience, SubscriberAudiences } from './subscriber-audiences.ts'
import { type SubscriptionItem, SubscriptionItems } from './subscription-items.ts'

/** Work after which a turn of the event loop reads no further slice, in UTF-16 units of items. */
const TURN_WORK = 262_144
/** Work of reading a slice, and of making an item, in these units. */
const SLICE_WORK = 1_024
const ITEM_WORK = 64
/** Subscribers that one turn of the event loop wakes. */
const YIELD_EVERY = 1_000

export interface SubscriberHubOptions {
  log: Log
  clock: Clock
  maxLastEventIdBytes: number
  onError(error: unknown): void
}

/** A slice that several subscribers of the same streams read. */
interface SharedSlice {
  from: number
  to: number
  items: readonly SubscriptionItem[]
}

/** The subscribers of one incarnation: wakes them when the log has an entry for them, and reads the log for them. */
export class SubscriberHub {
  readonly #options: SubscriberHubOptions
  readonly #audiences = new SubscriberAudiences()
  /** Audiences with new entries, and the index of the first one. */
  readonly #updated = new Map<SubscriberAudience, number>()
  #isDelivering = false
  /** The last slice of each set of streams in this turn of the event loop, by {@link Subscriber.key}. */
  readonly #slices = new Map<string, SharedSlice>()
  #work = 0
  /** Subscribers that read on in the next turn. */
  #waiting: Subscriber[] = []
  #hasTurn = false

  constructor(options: SubscriberHubOptions) {
    this.#options = options
    options.log.onAppend((entry) => this.#onAppend(entry))
  }

  /** Index of the log's next entry. */
  get nextIndex(): number {
    return this.#options.log.nextIndex
  }

  /** A reader of `streams` that begins after the id `after`, with the oldest event of the log, or with the next one. */
  open(
    streams: readonly string[],
    after: string | undefined,
  ): { reader: Reader; gap: GapReason | undefined } {
    const { log, maxLastEventIdBytes } = this.#options
    const reader = new Reader(log, streams)
    const now = this.#now
    let gap: GapReason | undefined
    if (after === 'oldest') gap = reader.beginAtOldest(now)
    else if (after !== undefined) gap = reader.resume(after, maxLastEventIdBytes, now)
    return { reader, gap }
  }

  /** Adds a subscriber that has read every entry of its streams. */
  join(subscriber: Subscriber): SubscriberAudience {
    return this.#audiences.add(subscriber)
  }

  /** Removes a subscriber from its audience, and moves its reader to the first entry that it was not woken for. */
  leave(subscriber: Subscriber, reader: Reader, audience: SubscriberAudience): void {
    reader.catchUp(this.#updated.get(audience) ?? this.nextIndex, this.#now)
    this.#audiences.remove(subscriber, audience)
  }

  /** The items of the next slice, up to the log's `end`; undefined: the hub wakes the subscriber in the next turn. */
  read(subscriber: Subscriber, reader: Reader, end: number): readonly SubscriptionItem[] | undefined {
    const { log } = this.#options
    const now = this.#now
    const from = reader.cursor
    const isShared = !reader.hasCarriedEntries && from >= reader.liveFrom && end >= log.nextIndex
    const known = isShared ? this.#slices.get(subscriber.key) : undefined
    if (known?.from === from) {
      reader.catchUp(known.to, now)
      return known.items
    }
    this.#scheduleTurn()
    if (this.#work >= TURN_WORK) {
      this.#waiting.push(subscriber)
      return undefined
    }
    const output = new SubscriptionItems()
    reader.slice(output, now, Math.min(end, log.nextIndex))
    const { items, length } = output
    this.#work += SLICE_WORK + items.length * ITEM_WORK + length
    if (isShared) this.#slices.set(subscriber.key, { from, to: reader.cursor, items })
    return items
  }

  /** The gap with which a reader begins; it covers the entries that the log has evicted since. */
  gap(reader: Reader, reason: GapReason): SubscriptionItem {
    const { log } = this.#options
    const now = this.#now
    log.trim(now)
    reader.skipEvicted(now)
    return Object.freeze({ type: 'gap', id: reader.idAt(reader.cursor, now), reason })
  }

  /** Position from which a reader goes on in the next incarnation, and the gap that comes first. */
  lastPosition(reader: Reader): { after: string; gap: GapReason | undefined } {
    const now = this.#now
    const gap = reader.skipEvicted(now) ? 'slow-client' : undefined
    return { after: reader.idAt(reader.cursor, now), gap }
  }

  /** The time, without most of a pause of the process, because a pause makes no entry old and no epoch silent. */
  get #now(): number {
    const { log, clock } = this.#options
    const now = clock.now()
    const { lastOwnAt = now } = log
    return Math.min(now, lastOwnAt + log.timing.maxPauseMs)
  }

  #onAppend(entry: LogEntry | EvictionNotice): void {
    if (this.#audiences.size === 0) return
    const audiences =
      entry.kind === 'eviction' || isEvent(entry)
        ? this.#audiences.on(entry.stream)
        : isLoss(entry)
          ? this.#audiences
          : []
    for (const audience of audiences)
      if (!this.#updated.has(audience)) this.#updated.set(audience, entry.index)
    if (this.#isDelivering || this.#updated.size === 0) return
    this.#isDelivering = true
    // All entries that are appended in this turn of the event loop are one slice.
    queueMicrotask(() => {
      runYielding(this.#options.clock, this.#deliver(), this.#options.onError, () => {
        this.#isDelivering = false
      })
    })
  }

  *#deliver(): Generator<void> {
    let woken = 0
    while (this.#updated.size > 0) {
      for (const [audience] of this.#updated) {
        this.#audiences.take(audience)
        for (const subscriber of audience.subscribers) {
          subscriber.onEntry()
          woken += 1
          if (woken % YIELD_EVERY === 0) yield
        }
        this.#updated.delete(audience)
      }
    }
  }

  #scheduleTurn(): void {
    if (this.#hasTurn) return
    this.#hasTurn = true
    this.#options.clock.after(0, () => this.#turn())
  }

  #turn(): void {
    this.#hasTurn = false
    this.#slices.clear()
    this.#work = 0
    const waiting = this.#waiting
    this.#waiting = []
    for (const subscriber of waiting) subscriber.wake()
  }
}
