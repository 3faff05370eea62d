import {
  type EventEntry,
  type HoleEntry,
  isEvent,
  isLoss,
  isNumbered,
  type LogEntry,
  type LossEntry,
  type V1EventEntry,
} from '../log/entry.ts'
import type { Epoch } from '../log/epochs.ts'
import type { Log } from '../log/log.ts'
import { scan } from '../log/scan.ts'
import type { DeliveryCounts } from '../telemetry/counters.ts'
import { PARTIAL_EPOCH, type PositionEntry, parsePosition } from '../wire/position.ts'
import type { GapReason } from '../wire/sse-frame.ts'
import { CarriedEntries } from './carried-entries.ts'

/** A slice ends with the entry that exceeds this much work: UTF-16 units of output plus {@link ENTRY_WORK} per entry. */
const SLICE_WORK = 65_536
/** Work of reading an entry, sent or not, in UTF-16 units. */
const ENTRY_WORK = 32
/**
 * Maximum number of carried entries that an id may have, that is entries of epochs that are not active here. A Pod has
 * all epochs of its peers when it becomes ready, so genuine carried entries are of Pods that started since: a
 * hundred, if a hundred Pods start at once. The limit exists because each one takes memory, and space in every id.
 */
const MAX_CARRIED = 128

/** An entry that a connection can receive, as an event or a gap. */
type DeliverableEntry = EventEntry | V1EventEntry | HoleEntry | LossEntry

/** Receives the events and gaps of a slice, in order: as text for a client, for example. */
export interface SliceOutput {
  /** Length of the output so far, in UTF-16 units. */
  readonly length: number
  /** Adds an event; `formatId` returns the id of a client that has received it, with the entry of `last` last. */
  event(entry: EventEntry | V1EventEntry, formatId: (last?: string) => string): void
  gap(reason: GapReason, formatId: () => string): void
}

/** Counts of a slice of the log for one reader. */
interface Slice extends DeliveryCounts {
  /** Number of the events that were sent before the reader existed. */
  replayed: number
}

/**
 * A cursor over the log for some streams. Its position is the log's position at the cursor, plus the carried entries
 * of its client's id: so no event is delivered twice, and the id never goes back.
 */
export class Reader {
  cursor: number
  readonly #log: Log
  readonly #streams: readonly string[]
  /** Undefined for most readers, to save memory. */
  #carried: CarriedEntries | undefined
  /** The log's next index at the time of the response; events of Go Pods are delivered from here on only. */
  readonly liveFrom: number
  /** Number of evictions at the last check: of later ones alone the client does not know. */
  #checkedEvictions: number

  constructor(log: Log, streams: readonly string[]) {
    this.#log = log
    this.#streams = streams
    this.cursor = log.nextIndex
    this.liveFrom = log.nextIndex
    this.#checkedEvictions = log.floors.evictions
  }

  /** True if its position has entries beyond the log's; such a reader cannot share the chunks of others. */
  get hasCarriedEntries(): boolean {
    return this.#carried !== undefined
  }

  /** Moves the cursor to the position of `id`; returns the reason where the client may have missed events. */
  resume(id: string, maxBytes: number, now: number): GapReason | undefined {
    const log = this.#log
    log.trim(now)
    const idEntries = parsePosition(id, maxBytes)
    // Only this Pod numbers its own events, so an id with a higher seq is forged.
    if (idEntries === undefined || (idEntries.get(log.epoch)?.seq ?? 0) > log.ownSeq) return 'invalid-id'
    const isPartial = idEntries.delete(PARTIAL_EPOCH)
    if (this.#countCarried(idEntries, now) > MAX_CARRIED) return 'invalid-id'
    let gap = log.losses.gapReason(now)
    let isUnknownId = true
    const position = new Map<string, { seq: number; since: number }>()
    for (const [epoch, { seq, carriedMs }] of idEntries)
      position.set(epoch, { seq, since: now - (carriedMs ?? 0) })
    for (const [epoch, record] of log.epochs.active(now)) {
      const named = position.get(epoch)
      if (named !== undefined) isUnknownId = false
      // An epoch that is not in the id: the client has none of its events, unless the id is partial.
      const { seq, since } = named ?? { seq: 0, since: now }
      if (isPartial && named === undefined) {
        position.set(epoch, { seq: record.have, since })
        gap = 'trimmed'
        continue
      }
      if (seq < record.floor) gap = 'trimmed'
      if (this.#streams.some((stream) => seq < (record.streamFloors?.get(stream)?.seq ?? 0))) gap = 'trimmed'
      const reached = Math.max(seq, record.floor)
      position.set(epoch, { seq: reached, since: seq > record.have ? since : now })
      const lacking = record.entries.at(record.entries.lowerBound((entry) => entry.seq > reached))
      if (lacking !== undefined) this.cursor = Math.min(this.cursor, lacking.index)
    }
    const carried = new CarriedEntries(log.epochs, log.timing)
    // Entries of silent epochs too, because the log may hold a hole of one that the client has passed.
    for (const [epoch, { seq, since }] of position) carried.add(epoch, seq, since)
    this.#carried = carried
    this.#prune(now)
    return isUnknownId ? 'unknown-id' : gap
  }

  /**
   * Moves the cursor to the oldest entry of the log; returns the reason where events of its streams are known to be gone.
   * For a client without an id, because it would receive the events of its id again.
   */
  beginAtOldest(now: number): GapReason | undefined {
    const log = this.#log
    log.trim(now)
    this.cursor = log.firstIndex
    const hasLost = (stream: string) =>
      log.indexes.isTrimmed(stream) ||
      log.floors.unnumbered.streamFloors?.has(stream) === true ||
      [...log.epochs.all].some(([, { streamFloors }]) => streamFloors?.has(stream) === true)
    const isTrimmed = this.#streams.some(hasLost)
    return this.skipEvicted(now) || isTrimmed ? 'trimmed' : log.losses.gapReason(now)
  }

  /** The id of a client that has every entry before `index`, and its carried entries. */
  idAt(index: number, now: number): string {
    return this.#formatId(this.#positionAt(index, now), now)
  }

  /** Writes the next slice of its streams, up to the log's `end`, to `output`, and moves the cursor past it. */
  slice(output: SliceOutput, now: number, end: number = this.#log.nextIndex): Slice {
    const log = this.#log
    log.trim(now)
    let gap: GapReason | undefined = this.skipEvicted(now) ? 'slow-client' : undefined
    const position = this.#positionAt(this.cursor, now)
    const formatId = (last?: string) => this.#formatId(position, now, last)
    let [events, replayed] = [0, 0]
    let gaps: GapReason[] | undefined
    let next = end
    let work = 0
    const seen = new Set<unknown>()
    const flushGap = () => {
      if (gap === undefined) return
      output.gap(gap, formatId)
      gaps = [...(gaps ?? []), gap]
      gap = undefined
    }
    for (const entry of scan(log, this.#streams, this.cursor, position)) {
      if (entry.index >= end) break
      if (work + output.length > SLICE_WORK) {
        next = entry.index
        break
      }
      work += ENTRY_WORK
      if (!this.#isWanted(entry) || this.#hasReceived(entry, position)) continue
      // Before the id moves past this event, because a client may receive the gap and not the event.
      if (isEvent(entry)) flushGap()
      // This id leaves out the events of other streams: it says less than it could, but never too much.
      if (isNumbered(entry)) position.set(entry.epoch, entry.seq)
      if (isLoss(entry)) {
        gap ??= 'peer-loss'
        continue
      }
      if (entry.kind === 'event' && this.#hasDuplicate(entry, position, seen)) continue
      output.event(entry, formatId)
      events += 1
      if (entry.index < this.liveFrom) replayed += 1
    }
    flushGap()
    this.cursor = Math.max(this.cursor, next)
    this.#prune(now)
    return { events, replayed, gaps }
  }

  /** Moves the cursor forward to `index`, and drops the carried entries that the log has there. */
  catchUp(index: number, now: number): void {
    this.cursor = Math.max(this.cursor, index)
    this.#prune(now)
  }

  #positionAt(index: number, now: number): Map<string, number> {
    const position = this.#log.positionAt(index, now)
    this.#carried?.forEachKnown((epoch, seq) => {
      if (seq > (position.get(epoch) ?? 0)) position.set(epoch, seq)
    })
    return position
  }

  #formatId(position: ReadonlyMap<string, number>, now: number, last?: string): string {
    let carriedMs: Map<string, number> | undefined
    this.#carried?.forEachKnown((epoch, seq, since) => {
      const record = this.#log.epochs.get(epoch)
      if (record !== undefined && seq <= record.have && !this.#log.epochs.isSilent(record, now)) return
      if (position.get(epoch) !== seq) return
      carriedMs ??= new Map()
      carriedMs.set(epoch, now - since)
    })
    return this.#log.eventIds.format(position, carriedMs, this.#carried?.prefix(now), last)
  }

  #prune(now: number): void {
    this.#carried?.prune(this.cursor, now)
    if (this.#carried?.size === 0) this.#carried = undefined
  }

  /** Moves the cursor past the entries that are gone; returns true if the client may have missed one of its streams. */
  skipEvicted(now: number): boolean {
    const { evictedIndex, floors } = this.#log
    const isLost = this.cursor < evictedIndex || this.#missesEvicted()
    this.#checkedEvictions = floors.evictions
    if (isLost) this.catchUp(evictedIndex, now)
    return isLost
  }

  /** Returns whether an event of its streams that the client lacks was evicted since the last check. */
  #missesEvicted(): boolean {
    const { epochs, floors } = this.#log
    const checked = this.#checkedEvictions
    if (checked === floors.evictions) return false
    if (floors.droppedEviction > checked && floors.droppedIndex >= this.cursor) return true
    const carried = new Map<string, number>()
    this.#carried?.forEachKnown((epoch, seq) => {
      carried.set(epoch, seq)
    })
    const misses = ({ streamFloors, evictedIndex }: Epoch, from: number, has: number) =>
      evictedIndex >= from &&
      this.#streams.some((stream) => {
        const floor = streamFloors?.get(stream)
        return floor !== undefined && floor.eviction > checked && floor.index >= from && floor.seq > has
      })
    if (misses(floors.unnumbered, Math.max(this.cursor, this.liveFrom), -1)) return true
    for (const [epoch, record] of epochs.all)
      if (misses(record, this.cursor, carried.get(epoch) ?? 0)) return true
    return false
  }

  #isWanted(entry: LogEntry): entry is DeliverableEntry {
    if (entry.isEvicted) return false
    return isLoss(entry) || (isEvent(entry) && this.#streams.includes(entry.stream))
  }

  #hasReceived(entry: DeliverableEntry, position: ReadonlyMap<string, number>): boolean {
    if (!isNumbered(entry)) return entry.index < this.liveFrom
    return entry.seq <= (position.get(entry.epoch) ?? 0)
  }

  /** Returns whether the client has a duplicate of `entry`. `seen`: the duplicates that this slice has come across. */
  #hasDuplicate(entry: EventEntry, position: ReadonlyMap<string, number>, seen: Set<unknown>): boolean {
    const duplicates = this.#log.indexes.idempotencyKeys.duplicates(entry)
    if (duplicates === undefined) return false
    if (seen.has(duplicates)) return true
    // If the client has none of them, it gets this one.
    seen.add(duplicates)
    for (let i = 0; i < duplicates.length; i += 1) {
      const duplicate = duplicates.at(i) as EventEntry
      if (duplicate !== entry && this.#hasReceived(duplicate, position)) return true
    }
    return false
  }

  /** Number of `entries` that the reader would have to carry. */
  #countCarried(entries: ReadonlyMap<string, PositionEntry>, now: number): number {
    const { epochs } = this.#log
    let count = 0
    for (const [epoch, { seq, carriedMs = 0 }] of entries) {
      const record = epochs.get(epoch)
      if (record !== undefined && !epochs.isSilent(record, now)) continue
      if (seq > (record?.have ?? 0) && carriedMs < this.#log.timing.forgetMs) count += 1
    }
    return count
  }
}
