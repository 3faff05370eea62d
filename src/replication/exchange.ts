import { SserError } from '../errors.ts'
import type { Epoch } from '../log/epochs.ts'
import type { LogItem } from '../log/items.ts'
import type { Log } from '../log/log.ts'
import type { Timing } from '../log/timing.ts'
import type { Faults } from '../telemetry/faults.ts'
import type { Tally } from '../telemetry/tally.ts'
import { MAX_EPOCHS } from '../wire/position.ts'
import { APPEND_TARGET_BYTES, type Append, type Run, type WireEvent } from '../wire/v2.ts'
import type { PeerProgress } from './peer-progress.ts'

/** Bytes of JSON around an event, roughly. */
const EVENT_OVERHEAD_BYTES = 80

/**
 * The two halves of an exchange between two logs: what to give, and what to take. Requests and answers have one
 * shape. Only durations cross the wire: two Pods' clocks are never compared.
 */
export class Exchange {
  readonly #log: Log
  readonly #timing: Timing
  readonly #faults: Faults
  readonly #tally: Tally

  constructor(options: { log: Log; timing: Timing; faults: Faults; tally: Tally }) {
    this.#log = options.log
    this.#timing = options.timing
    this.#faults = options.faults
    this.#tally = options.tally
  }

  /** A message for a Pod of which only the address is known: where this Pod stands, and no events. */
  introduce(now: number): Append {
    this.#log.trim(now)
    return { epoch: this.#log.epoch, position: this.#log.position(now), runs: [] }
  }

  /** What `peer` lacks: this Pod's own events if `own`; third Pods' after a grace, or at once if `third`. */
  give(peer: PeerProgress, { own, third }: { own: boolean; third: boolean }, now: number): Append {
    const message = this.introduce(now)
    const runs: Run[] = []
    let room = APPEND_TARGET_BYTES
    for (const [epoch, record] of this.#ownFirst(now)) {
      const has = peer.match(epoch)
      if (epoch === peer.epoch || has >= record.have) continue
      const start = this.#firstAfter(record, has, now)
      const prev = start < record.items.length ? (record.items.at(start) as LogItem).seq - 1 : record.have
      const isTrimmed = prev > has
      if (epoch === this.#log.epoch ? !own : !(third || isTrimmed || this.#isOverdue(peer, epoch, now)))
        continue
      const events: WireEvent[] = []
      for (let i = start; i < record.items.length; i += 1) {
        const item = record.items.at(i) as LogItem
        room -= EVENT_OVERHEAD_BYTES + (item.kind === 'event' ? item.bytes : 0)
        // One alone always goes: the receiver's limit has room for the largest, whatever JSON makes of it.
        if (room < 0 && (events.length > 0 || runs.length > 0)) break
        events.push(wireEvent(item, now))
      }
      runs.push({
        epoch,
        prev,
        floor: isTrimmed ? true : undefined,
        idle: Math.max(0, Math.round(now - record.lastActive)),
        events,
      })
      if (room <= 0) break
    }
    return { ...message, runs }
  }

  /** Takes of the runs what continues what is held, and nothing else. */
  take(runs: readonly Run[], now: number): void {
    let refused = 0
    for (const run of runs) {
      if (run.epoch === this.#log.epoch || run.idle >= this.#timing.forgetMs) continue
      const known = this.#log.epochs.get(run.epoch)
      const have = known?.have ?? 0
      const last = run.prev + run.events.length
      if (run.prev > have && run.floor !== true) continue
      if (last <= have && known === undefined) continue
      if (known === undefined && this.#log.epochs.isFull) {
        refused += 1
        continue
      }
      const record = known ?? this.#log.epochs.ensure(run.epoch, now - run.idle)
      if (last > have) record.lastActive = Math.max(record.lastActive, now - run.idle)
      if (run.prev > have) this.#log.skipTo(run.epoch, run.prev, now)
      for (const event of run.events) {
        if (event.seq > record.have) {
          this.#log.append(run.epoch, event, now - event.age, now)
          if (event.stream !== undefined) this.#tally.received += 1
        } else if (this.#contradicts(record, event)) {
          const message = `A peer sent ${run.epoch} ${event.seq} twice, with different contents`
          this.#faults.report(new SserError('conflicting-event', message), { stage: 'receive' })
          break
        }
      }
    }
    if (refused === 0) return
    const message = `Of ${refused} epochs nothing is taken: more than ${MAX_EPOCHS} are not known at once`
    this.#faults.report(new SserError('invalid-peer-message', message), { stage: 'receive' })
  }

  /** This Pod's own events go first: nobody else brings them so soon. */
  #ownFirst(now: number): [string, Epoch][] {
    const epochs = [...this.#log.epochs.active(now)]
    return epochs.sort(([a], [b]) => Number(b === this.#log.epoch) - Number(a === this.#log.epoch))
  }

  /** Index of the first item of an epoch that may be given to a Pod which has everything up to `has`. */
  #firstAfter(record: Epoch, has: number, now: number): number {
    const oldest = now - this.#log.maxAgeMs
    const above = Math.max(has, record.floor, record.payloadEvicted)
    return record.items.lowerBound((item) => item.seq > above && item.sentAt >= oldest)
  }

  #contradicts(record: Epoch, event: WireEvent): boolean {
    const held = record.items.at(record.items.lowerBound((item) => item.seq >= event.seq))
    if (held === undefined || held.seq !== event.seq || held.kind === 'hole') return false
    if (held.kind === 'tick') return event.stream !== undefined
    // From a Pod that does not know it, it comes as a tick.
    if (held.kind === 'disconnect') return event.stream !== undefined
    if (held.stream !== event.stream || held.event !== event.event) return true
    return held.msg !== undefined && held.msg !== event.msg
  }

  #isOverdue(peer: PeerProgress, epoch: string, now: number): boolean {
    const since = peer.behindSince(epoch)
    return since !== undefined && now - since > this.#timing.graceMs
  }
}

function wireEvent(item: LogItem, now: number): WireEvent {
  const age = Math.max(0, Math.round(now - item.sentAt))
  if (item.kind === 'disconnect') return { seq: item.seq, age, disconnect: item.selection }
  if (item.kind !== 'event') return { seq: item.seq, age }
  const { seq, stream, msg, event, key, traceparent } = item
  return { seq, age, stream, msg, event, key, traceparent }
}
