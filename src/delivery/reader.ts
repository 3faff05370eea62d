import type { EventEntry, HoleEntry, LogEntry } from '../log/entry.ts'
import type { Log } from '../log/log.ts'
import { scan } from '../log/scan.ts'
import type { Timing } from '../log/timing.ts'
import type { DeliveryCounts } from '../telemetry/counters.ts'
import { eventFrame, type GapReason, gapFrame } from '../wire/frame.ts'
import { type Claim, PARTIAL_EPOCH, parsePosition } from '../wire/position.ts'
import { Ahead } from './ahead.ts'

/** A slice ends with the entry that takes it past this much work: UTF-16 units of text, and the entries walked. */
const SLICE_WORK = 65_536
/** Work of an entry that is walked, sent or not: as much as so many UTF-16 units. */
const ENTRY_WORK = 32
/** Entries that are walked to find out whether one of them is lacking. Beyond these, a gap is told unchecked. */
const MAX_CHECKED = 2_048
/**
 * Entries of epochs that are not active here that an id may bring along. A Pod has all that its peers know when it
 * becomes ready, so in a real fleet these are of Pods that began since then and have yet to be heard of: a hundred, if
 * a hundred Pods begin at once. Whoever brings more made them up, and each is memory, and is printed with each event.
 */
const MAX_CARRIED = 128

/** The next part of what a reader is to get. */
interface Slice extends DeliveryCounts {
  text: string
  /** Those of the events that were sent before there was the reader. */
  replayed: number
}

/**
 * A cursor over the log for some streams. Its position is the log's at the cursor, or beyond it where its client
 * came with more: what a client has is never delivered again, and its id never goes back.
 */
export class Reader {
  cursor: number
  readonly #log: Log
  readonly #streams: readonly string[]
  readonly #timing: Timing
  /** Most readers never have any of these, and there are many readers. */
  #ahead: Ahead | undefined
  /** Index of the first entry after its request was answered; only from there on it gets events without epoch. */
  readonly liveFrom: number

  constructor(log: Log, streams: readonly string[], timing: Timing) {
    this.#log = log
    this.#streams = streams
    this.#timing = timing
    this.cursor = log.nextIndex
    this.liveFrom = log.nextIndex
  }

  /** Whether its position is the log's at its cursor, so that it may share what others read. */
  get isLevel(): boolean {
    return this.#ahead === undefined
  }

  /** Goes back to where the client that got `id` last stands; returns why it may have missed events, if so. */
  resume(id: string, maxBytes: number, now: number): GapReason | undefined {
    const log = this.#log
    log.trim(now)
    const claims = parsePosition(id, maxBytes)
    // Nobody but this Pod numbers its own events: an id that is ahead of it was made up.
    if (claims === undefined || (claims.get(log.epoch)?.seq ?? 0) > log.ownSeq) return 'invalid-id'
    const isPartial = claims.delete(PARTIAL_EPOCH)
    if (this.#carried(claims, now) > MAX_CARRIED) return 'invalid-id'
    let gap: GapReason | undefined = now - log.lastV1At <= this.#timing.v1GapMs ? 'legacy-peer' : undefined
    if (now - log.refusedAt <= this.#timing.v1GapMs) gap ??= 'peer-loss'
    let isStranger = true
    const position = new Map<string, { seq: number; since: number }>()
    for (const [epoch, { seq, carriedMs }] of claims)
      position.set(epoch, { seq, since: now - (carriedMs ?? 0) })
    for (const [epoch, record] of log.epochs.active(now)) {
      const claim = position.get(epoch)
      if (claim !== undefined) isStranger = false
      // An epoch that the id does not speak of: the client has nothing of it, unless the id leaves some out.
      const { seq, since } = claim ?? { seq: 0, since: now }
      if (isPartial && claim === undefined) {
        position.set(epoch, { seq: record.have, since })
        gap = 'trimmed'
        continue
      }
      if (seq < record.floor) gap = 'trimmed'
      const reached = Math.max(seq, record.floor)
      position.set(epoch, { seq: reached, since: seq > record.have ? since : now })
      const lacking = record.entries.at(record.entries.lowerBound((entry) => entry.seq > reached))
      if (lacking !== undefined) this.cursor = Math.min(this.cursor, lacking.index)
    }
    const ahead = new Ahead()
    for (const [epoch, { seq, since }] of position) {
      const record = log.epochs.get(epoch)
      if (record === undefined || seq > record.have || !log.epochs.isSilent(record, now))
        ahead.add(epoch, seq, since)
    }
    this.#ahead = ahead
    this.#prune(now)
    if (this.skipLost(now)) gap = 'trimmed'
    return isStranger ? 'unknown-id' : gap
  }

  /** The id of a client that has everything before the entry `index`, and what it came with. */
  idAt(index: number, now: number): string | undefined {
    return this.#print(this.#positionAt(index, now), now)
  }

  /** Frames of its streams from the cursor on, up to the log's `end`, as far as one slice goes; moves the cursor past them. */
  slice(now: number, end: number = this.#log.nextIndex): Slice {
    const log = this.#log
    log.trim(now)
    let gap: GapReason | undefined = this.skipLost(now) ? 'slow-client' : undefined
    const position = this.#positionAt(this.cursor, now)
    let text = ''
    let [events, replayed] = [0, 0]
    let gaps: GapReason[] | undefined
    let next = end
    let work = 0
    const had = new Set<unknown>()
    const tell = () => {
      if (gap === undefined) return
      text += gapFrame(this.#print(position, now), gap)
      gaps = [...(gaps ?? []), gap]
      gap = undefined
    }
    for (const entry of scan(log, this.#streams, this.cursor, position)) {
      if (entry.index >= end) break
      if (work + text.length > SLICE_WORK) {
        next = entry.index
        break
      }
      work += ENTRY_WORK
      if (!this.#isWanted(entry) || this.#hasHad(entry, position)) continue
      // Before the id moves past this event: who gets the gap alone must not be taken to have it.
      if (entry.kind === 'event') tell()
      // Other streams' events are left out of this id: it claims less than it could, and never too much.
      if (entry.epoch !== undefined) position.set(entry.epoch, entry.seq)
      if (entry.kind === 'hole') gap ??= 'peer-loss'
      else if (entry.epoch === undefined || !this.#hasDuplicate(entry, position, had)) {
        const id = entry.epoch === undefined ? undefined : this.#print(position, now)
        text += eventFrame({ id, event: entry.event, msg: entry.msg as string })
        events += 1
        if (entry.index < this.liveFrom) replayed += 1
      }
    }
    tell()
    this.cursor = Math.max(this.cursor, next)
    this.#prune(now)
    return { text, events, replayed, gaps }
  }

  /** Lets go of what the log has caught up with. */
  catchUp(index: number, now: number): void {
    this.cursor = Math.max(this.cursor, index)
    this.#prune(now)
  }

  #positionAt(index: number, now: number): Map<string, number> {
    const position = this.#log.positionAt(index, now)
    this.#ahead?.each((epoch, seq) => {
      if (seq > (position.get(epoch) ?? 0)) position.set(epoch, seq)
    })
    return position
  }

  #print(position: ReadonlyMap<string, number>, now: number): string | undefined {
    if (!this.#log.isResumable) return undefined
    let carriedMs: Map<string, number> | undefined
    this.#ahead?.each((epoch, seq, since) => {
      if (seq <= (this.#log.epochs.get(epoch)?.have ?? 0) || position.get(epoch) !== seq) return
      carriedMs ??= new Map()
      carriedMs.set(epoch, now - since)
    })
    return this.#log.eventIds.format(position, carriedMs)
  }

  /** Drops from `ahead` what the log has by now, and what was carried for so long that nobody speaks of it. */
  #prune(now: number): void {
    if (this.#ahead === undefined) return
    const { epochs } = this.#log
    this.#ahead.drop((epoch, seq, since) => {
      const record = epochs.get(epoch)
      // While the Pod itself speaks of the epoch, letting go would take the id back to less.
      if (record !== undefined && !epochs.isSilent(record, now)) return seq <= record.seqAt(this.cursor)
      return seq <= (record?.have ?? 0) || now - since >= this.#timing.forgetMs
    })
    if (this.#ahead.size === 0) this.#ahead = undefined
  }

  /** Moves the cursor past what the log has let go of; true if something of its streams was among that. */
  skipLost(now: number): boolean {
    const log = this.#log
    const isLost = this.cursor < log.firstIndex || this.#lacksMessages(now)
    if (isLost) this.catchUp(log.firstCompleteIndex, now)
    return isLost
  }

  #lacksMessages(now: number): boolean {
    if (this.cursor >= this.#log.firstCompleteIndex) return false
    const position = this.#positionAt(this.cursor, now)
    let checked = 0
    for (const entry of scan(this.#log, this.#streams, this.cursor, position)) {
      if (entry.index >= this.#log.firstCompleteIndex) return false
      if (entry.kind === 'event' && this.#isWanted(entry) && !this.#hasHad(entry, position)) return true
      checked += 1
      if (checked === MAX_CHECKED) return true
    }
    return false
  }

  #isWanted(entry: LogEntry): entry is EventEntry | HoleEntry {
    return entry.kind === 'hole' || (entry.kind === 'event' && this.#streams.includes(entry.stream))
  }

  #hasHad(entry: EventEntry | HoleEntry, position: ReadonlyMap<string, number>): boolean {
    if (entry.epoch === undefined) return entry.index < this.liveFrom
    return entry.seq <= (position.get(entry.epoch) ?? 0)
  }

  /** Whether it has had another event that is the same. `had` has those of which that is known in this slice. */
  #hasDuplicate(entry: EventEntry, position: ReadonlyMap<string, number>, had: Set<unknown>): boolean {
    const duplicates = this.#log.idempotencyKeys.duplicates(entry)
    if (duplicates === undefined) return false
    if (had.has(duplicates)) return true
    // If it had none of them, it gets this one.
    had.add(duplicates)
    for (let i = 0; i < duplicates.length; i += 1) {
      const duplicate = duplicates.at(i) as EventEntry
      if (duplicate !== entry && this.#hasHad(duplicate, position)) return true
    }
    return false
  }

  /** How many of these it would have to carry along. */
  #carried(claims: ReadonlyMap<string, Claim>, now: number): number {
    const { epochs } = this.#log
    let count = 0
    for (const [epoch, { seq, carriedMs = 0 }] of claims) {
      const record = epochs.get(epoch)
      if (record !== undefined && !epochs.isSilent(record, now)) continue
      if (seq > (record?.have ?? 0) && carriedMs < this.#timing.forgetMs) count += 1
    }
    return count
  }
}
