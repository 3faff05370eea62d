import type { NumberedEntry } from '../../src/log/entry.ts'
import { Log } from '../../src/log/log.ts'
import { type Timing, timing } from '../../src/log/timing.ts'
import { PeerProgress } from '../../src/replication/peer-progress.ts'
import { Replicator } from '../../src/replication/replicator.ts'
import { Counters } from '../../src/telemetry/counters.ts'
import { ErrorReporter } from '../../src/telemetry/error-reporter.ts'
import { type Append, type EntryRange, encodeAppend, parseAppend } from '../../src/wire/append-message.ts'
import { entriesOf } from '../support/entries.ts'

export const AGE_MS = 100_000
export const TIMES: Timing = timing(AGE_MS)

/** One Pod's log, with its replicator. */
export class Side {
  readonly log: Log
  readonly replicator: Replicator
  readonly errors: unknown[] = []

  constructor(epoch: string, maxBytes = 1_000_000) {
    this.log = new Log({ epoch, maxAgeMs: AGE_MS, maxBytes, isResumable: true })
    const errors = new ErrorReporter((error) => this.errors.push(error))
    this.replicator = new Replicator({ log: this.log, errors, counters: new Counters() })
  }

  send(msg: string, now = 0) {
    return this.log.append(this.log.epoch, { stream: 'a', msg }, now, now)
  }

  /** Builds an append for a peer at `position`, encoded and parsed again. */
  give(
    position: Record<string, number>,
    now = 0,
    { own = true, third = false, isSparse = false } = {},
  ): Append {
    const peer = new PeerProgress('other', now)
    peer.takesSparseRanges = isSparse
    peer.observe(new Map(Object.entries(position)), this.log.position(now), now)
    return wire(this.replicator.buildAppend(peer, { own, third }, now))
  }

  take(runs: readonly EntryRange[], now = 0): void {
    this.replicator.applyRanges(runs, now)
  }

  get entries() {
    return entriesOf(this.log).filter(({ isEvicted }) => !isEvicted) as NumberedEntry[]
  }

  get messages() {
    return this.entries.map((entry) => (entry?.kind === 'event' ? entry.msg : entry?.kind))
  }
}

const wire = (message: Append): Append => parseAppend(encodeAppend(message))
export const run = (prev: number, msgs: readonly string[], other: Partial<EntryRange> = {}): EntryRange => ({
  epoch: 'peer1',
  prev,
  idle: 0,
  events: msgs.map((msg, i) => ({ seq: prev + 1 + i, age: 0, stream: 'a', msg })),
  ...other,
})
