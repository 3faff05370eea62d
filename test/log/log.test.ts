import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isEvent, isLoss, isNumbered, type LogEntry, type NumberedEntry } from '../../src/log/entry.ts'
import { Log } from '../../src/log/log.ts'
import { mergeByIndex, scan } from '../../src/log/scan.ts'
import { timing } from '../../src/log/timing.ts'
import { entriesOf } from '../support/entries.ts'
import { check } from '../support/property.ts'

const MAX_AGE_MS = 10_000

function makeLog(maxBytes = 1_000_000): Log {
  return new Log({
    epoch: 'own00',
    maxAgeMs: MAX_AGE_MS,
    maxBytes,
    isResumable: true,
  })
}

/** The entries that the log holds. */
function entries(log: Log): LogEntry[] {
  return entriesOf(log).filter((entry) => !entry.isEvicted)
}

function at(log: Log, index: number): LogEntry | undefined {
  return entries(log).find((entry) => entry.index === index)
}

/** Entries of the streams, and all holes and losses, from the index on. */
function read(log: Log, streams: readonly string[], index: number): Iterable<LogEntry> {
  return mergeByIndex(
    log.indexes
      .queues(streams)
      .map((queue) => ({ queue, from: queue.lowerBound((entry) => entry.index >= index) })),
  )
}

const EPOCHS = ['own00', 'peer1', 'peer2']
const STREAMS = ['a', 'b', 'c']
const step = fc.oneof(
  fc.record({
    kind: fc.constant('event' as const),
    epoch: fc.constantFrom(...EPOCHS),
    stream: fc.constantFrom(...STREAMS),
    size: fc.integer({ min: 1, max: 300 }),
    age: fc.nat({ max: 500 }),
  }),
  fc.record({ kind: fc.constant('no-op' as const), epoch: fc.constantFrom(...EPOCHS) }),
  fc.record({
    kind: fc.constant('hole' as const),
    epoch: fc.constantFrom(...EPOCHS.slice(1)),
    seqs: fc.nat({ max: 5 }),
  }),
  fc.record({ kind: fc.constant('v1' as const), stream: fc.constantFrom(...STREAMS) }),
  fc.record({ kind: fc.constant('loss' as const) }),
  fc.record({ kind: fc.constant('time' as const), ms: fc.nat({ max: 4_000 }) }),
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** Applies the steps, and records every appended entry. */
function play(
  log: Log,
  steps: readonly Step[],
  after: (all: readonly LogEntry[], now: number) => void,
): void {
  const all: LogEntry[] = []
  let now = 1_000
  for (const one of steps) {
    const { nextIndex } = log
    if (one.kind === 'time') {
      now += one.ms
      log.trim(now)
    } else if (one.kind === 'v1') log.appendV1(one.stream, 'm', now)
    else if (one.kind === 'loss') log.appendLoss(now)
    else if (one.kind === 'hole')
      log.skipTo(one.epoch, (log.epochs.get(one.epoch)?.have ?? 0) + one.seqs + 1, now)
    else if (one.kind === 'no-op') log.append(one.epoch, {}, now, now)
    else log.append(one.epoch, { stream: one.stream, msg: 'm'.repeat(one.size) }, now - one.age, now)
    // The log may have evicted the entry at once; the test knows its kind.
    if (log.nextIndex > nextIndex)
      all.push(at(log, nextIndex) ?? ({ kind: 'no-op', index: nextIndex } as LogEntry))
    after(all, now)
  }
}

describe('the log', () => {
  it('numbers each epoch from 1, and indexes the entries of all epochs', () => {
    const log = makeLog()
    expect([log.firstIndex, log.nextIndex]).toEqual([0, 0])
    const first = log.append('own00', { stream: 'a', msg: 'x' }, 5, 5)
    const second = log.append('peer1', { stream: 'a', msg: 'y', event: 'order', key: 'k' }, 3, 5)
    log.appendV1('a', 'z', 5)
    const third = log.append('own00', {}, 6, 6)
    expect(first).toMatchObject({ kind: 'event', index: 0, seq: 1, epoch: 'own00', msg: 'x', sentAt: 5 })
    expect(second).toMatchObject({ index: 1, seq: 1, epoch: 'peer1', event: 'order', key: 'k', sentAt: 3 })
    expect(at(log, 2)).toMatchObject({ kind: 'v1-event', stream: 'a', msg: 'z' })
    expect(at(log, 2)).not.toHaveProperty('epoch')
    expect(third).toMatchObject({ kind: 'no-op', index: 3, seq: 2 })
    expect(log.ownSeq).toBe(2)
    expect(log.nextIndex).toBe(4)
    expect(at(log, 4)).toBeUndefined()
  })

  it('has at each index the position of a reader of all entries before it', () => {
    check(fc.array(step, { maxLength: 60 }), (steps) => {
      const log = makeLog()
      play(log, steps, (all, now) => {
        for (let index = log.firstIndex; index <= log.nextIndex; index += 1) {
          const naive = new Map<string, number>()
          for (const entry of all)
            if (entry.index < index && isNumbered(entry)) naive.set(entry.epoch, entry.seq)
          expect(Object.fromEntries(log.positionAt(index, now))).toEqual(Object.fromEntries(naive))
        }
        expect(log.position(now)).toEqual(log.positionAt(log.nextIndex, now))
      })
    })
  })

  it('reads several streams, and all holes and losses, in order of arrival', () => {
    const streams = fc.uniqueArray(fc.constantFrom(...STREAMS, 'nobody’s'))
    check(
      fc.record({ steps: fc.array(step, { maxLength: 60 }), streams, at: fc.nat() }),
      ({ steps, streams, at }) => {
        const log = makeLog()
        play(log, steps, () => {})
        const from = log.firstIndex + (at % (log.nextIndex - log.firstIndex + 1))
        const naive = entries(log).filter(
          (entry) =>
            entry.index >= from && (isLoss(entry) || (isEvent(entry) && streams.includes(entry.stream))),
        )
        expect([...read(log, streams, from)]).toEqual(naive)
      },
      { numRuns: 300 },
    )
  })

  it('finds all entries that a reader lacks, by streams or epochs, in order', () => {
    const streams = fc.uniqueArray(fc.constantFrom(...STREAMS, 'nobody’s'))
    const seqs = fc.array(fc.nat(60), { minLength: EPOCHS.length, maxLength: EPOCHS.length })
    check(
      fc.record({ steps: fc.array(step, { maxLength: 60 }), streams, seqs }),
      ({ steps, streams, seqs }) => {
        const log = makeLog()
        play(log, steps, () => {})
        const position = new Map(EPOCHS.map((epoch, i) => [epoch, seqs[i] as number]))
        const isLacking = (entry: LogEntry) =>
          (isLoss(entry) || (isEvent(entry) && streams.includes(entry.stream))) &&
          (!isNumbered(entry) || entry.seq > (position.get(entry.epoch) ?? 0))
        const lacking = entries(log).filter(isLacking)
        const found = [...scan(log, streams, log.firstIndex, position)]
        expect(found.filter(isLacking)).toEqual(lacking)
        expect(found.length).toBeLessThanOrEqual([...read(log, streams, log.firstIndex)].length)
      },
      { numRuns: 300 },
    )
  })

  it('stays within its bounds, and holds every entry above the floors', () => {
    const maxBytes = 3_000
    check(
      fc.array(step, { minLength: 20, maxLength: 60 }),
      (steps) => {
        const log = makeLog(maxBytes)
        play(log, steps, (all, now) => {
          expect(log.bytes).toBeLessThanOrEqual(maxBytes)
          log.trim(now)
          const held = entries(log)
          expect(log.entries).toBe(held.length)
          const oldest = held[0]
          if (oldest !== undefined) expect(oldest.sentAt).toBeGreaterThanOrEqual(now - MAX_AGE_MS)
          const indexes = held.map(({ index }) => index)
          expect(indexes).toEqual(indexes.toSorted((a, b) => a - b))
          for (const epoch of EPOCHS) {
            const record = log.epochs.get(epoch)
            if (record === undefined) continue
            const numbered = (entry: LogEntry): entry is NumberedEntry =>
              isNumbered(entry) && entry.epoch === epoch
            const queued = Array.from({ length: record.entries.length }, (_, i) => record.entries.at(i))
            expect(queued.filter((entry) => entry?.isEvicted === false)).toEqual(held.filter(numbered))
            // Each entry is held above the floors, unless it was evicted without a loss, as a no-op entry may be.
            const isGone = (entry: NumberedEntry) => {
              const stream = isEvent(entry) ? entry.stream : ''
              const floor = Math.max(record.floor, record.streamFloors?.get(stream)?.seq ?? 0)
              return entry.seq <= (entry.kind === 'event' ? floor : Math.max(record.floor, record.evictedSeq))
            }
            const kept = new Set<LogEntry>(held)
            expect(all.filter(numbered).filter((entry) => !isGone(entry) && !kept.has(entry))).toEqual([])
          }
        })
        const later = 1e9
        log.trim(later)
        const { bytes, firstIndex, nextIndex } = log
        expect([bytes, firstIndex, log.floors.size]).toEqual([0, nextIndex, 0])
        expect([...read(log, STREAMS, 0)]).toEqual([])
      },
      { numRuns: 100 },
    )
  })

  it('keeps an event for exactly the age bound', () => {
    const log = makeLog()
    log.append('own00', { stream: 'a', msg: 'x' }, 1_000, 1_000)
    log.trim(1_000 + MAX_AGE_MS)
    expect([...read(log, ['a'], 0)]).toHaveLength(1)
    log.trim(1_000 + MAX_AGE_MS + 1)
    expect([...read(log, ['a'], 0)]).toHaveLength(0)
    expect(log.epochs.get('own00')).toMatchObject({ have: 1, floor: 1 })
  })

  it('evicts the oldest events of the only stream', () => {
    const log = makeLog(10_000)
    for (let i = 0; i < 12; i += 1) log.append('own00', { stream: 'a', msg: 'm'.repeat(1_000) }, 0, 0)
    const seqs = [...read(log, ['a'], 0)].map((entry) => (entry.kind === 'event' ? entry.seq : 0))
    expect(seqs.length).toBeGreaterThanOrEqual(6)
    expect(seqs).toEqual(Array.from(seqs, (_, i) => 12 - seqs.length + 1 + i))
    expect(log.epochs.get('own00')).toMatchObject({ floor: 0, evictedSeq: 12 - seqs.length })
  })

  it('accepts a message that is larger than its maximum size', () => {
    const log = makeLog(1_024)
    log.append('own00', { stream: 'a', msg: 'm'.repeat(5_000) }, 0, 0)
    expect(log.bytes).toBeLessThanOrEqual(1_024)
    expect(log.nextIndex).toBe(1)
    expect(log.ownSeq).toBe(1)
  })

  it('counts the memory of streams, also with one stream per event', () => {
    const [one, many] = [makeLog(), makeLog()]
    for (let i = 0; i < 1_000; i += 1) {
      one.append('own00', { stream: 'stream 000', msg: 'm' }, 0, 0)
      many.append('own00', { stream: `stream ${String(i).padStart(3, '0')}`, msg: 'm' }, 0, 0)
    }
    expect((many.bytes - one.bytes) / 999).toBe(360)
    many.trim(MAX_AGE_MS + 1)
    expect(many.bytes).toBe(0)
  })

  it('counts a traceparent, and evicts it with the message', () => {
    const traceparent = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`
    const [plain, traced] = [makeLog(), makeLog(2_000)]
    plain.append('own00', { stream: 'a', msg: 'm' }, 0, 0)
    const entry = traced.append('own00', { stream: 'a', msg: 'm', key: 'k', traceparent }, 0, 0)
    expect(traced.bytes - plain.bytes).toBe(56)
    while (!entry.isEvicted) traced.append('own00', { stream: 'a', msg: 'm' }, 0, 0)
    expect(entry).toMatchObject({ msg: '', key: undefined, traceparent: undefined, bytes: 0 })
    expect(traced.indexes.idempotencyKeys.first('a', 'k')).toBeUndefined()
    traced.trim(MAX_AGE_MS + 1)
    expect(traced.bytes).toBe(0)
  })

  it('records skipped seqs as a hole, below which it sends nothing to peers', () => {
    const log = makeLog()
    log.append('peer1', { stream: 'a', msg: 'x' }, 0, 0)
    log.skipTo('peer1', 7, 1)
    log.append('peer1', { stream: 'a', msg: 'y' }, 1, 1)
    expect(at(log, 1)).toMatchObject({ kind: 'hole', index: 1, sentAt: 1, epoch: 'peer1', from: 1, seq: 7 })
    expect(at(log, 2)).toMatchObject({ seq: 8 })
    expect(log.epochs.get('peer1')).toMatchObject({ have: 8, floor: 7 })
    expect(log.positionAt(1, 1).get('peer1')).toBe(1)
    expect(log.positionAt(2, 1).get('peer1')).toBe(7)
  })

  it('leaves silent epochs out of positions, and removes them in the end', () => {
    const log = makeLog()
    const { forgetMs, dropMs } = timing(MAX_AGE_MS)
    log.append('peer1', {}, 0, 0)
    expect(log.position(forgetMs - 1).has('peer1')).toBe(true)
    expect(log.position(forgetMs).has('peer1')).toBe(false)
    log.trim(dropMs)
    log.epochs.forget(dropMs - 1)
    expect(log.epochs.get('peer1')).toBeDefined()
    log.epochs.forget(dropMs)
    expect(log.epochs.get('peer1')).toBeUndefined()
  })

  it('calls its listeners after each append', () => {
    const log = makeLog()
    let nextIndexes: number[] = []
    log.onAppend(() => nextIndexes.push(log.nextIndex))
    log.append('own00', {}, 0, 0)
    log.appendV1('a', 'x', 0)
    log.skipTo('peer1', 3, 0)
    expect(nextIndexes).toEqual([1, 2, 3])
    nextIndexes = []
    log.trim(1e6)
    expect(nextIndexes).toEqual([])
  })
})
