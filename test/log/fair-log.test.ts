import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LargeStreams, StreamQueue } from '../../src/log/large-streams.ts'
import { Log } from '../../src/log/log.ts'
import { entriesOf } from '../support/entries.ts'
import { check } from '../support/property.ts'

const AGE_MS = 120_000
const MIB = 1_048_576

function makeLog(maxBytes: number): Log {
  return new Log({ epoch: 'own00', maxAgeMs: AGE_MS, maxBytes, isResumable: true })
}

/** Memory that the log counts for an event, and for its stream. */
const eventBytes = (stream: string, bytes: number) => 180 + stream.length + bytes
const STREAM_BYTES = 360

function held(log: Log, stream: string): number {
  return log.indexes.queues([stream])[1]?.length ?? 0
}

describe('a full log', () => {
  it('evicts no event of a stream that takes no more than its equal share', () => {
    const maxBytes = 64 * 1_024
    const send = fc.record({ stream: fc.nat({ max: 7 }), bytes: fc.integer({ min: 1, max: 400 }) })
    check(
      fc.record({
        quiet: fc.array(send, { maxLength: 60 }),
        bursts: fc.array(fc.nat({ max: 60 }), { minLength: 5, maxLength: 10 }),
      }),
      ({ quiet, bursts }) => {
        const log = makeLog(maxBytes)
        const taken = new Map<string, number>()
        const count = new Map<string, number>()
        // The streams, the busy one, and the entries without a stream.
        const share = maxBytes / 2 / (8 + 1 + 1)
        let now = 0
        const sendQuiet = ({ stream, bytes }: { stream: number; bytes: number }) => {
          const name = `quiet${stream}`
          const total = (taken.get(name) ?? STREAM_BYTES) + eventBytes(name, bytes)
          if (total > share) return
          taken.set(name, total)
          count.set(name, (count.get(name) ?? 0) + 1)
          log.append(stream % 2 === 0 ? 'own00' : 'peer1', { stream: name, msg: 'x'.repeat(bytes) }, now, now)
        }
        for (const [i, burst] of bursts.entries()) {
          for (const one of quiet.slice(i * 6, i * 6 + 6)) sendQuiet(one)
          for (let n = 0; n < burst; n += 1) {
            now += 1
            log.append('own00', { stream: 'busy', msg: 'x'.repeat(500) }, now, now)
          }
        }
        for (const [name, events] of count) expect(held(log, name), name).toBe(events)
        for (const [, { streamFloors }] of log.epochs.all)
          for (const stream of streamFloors?.keys() ?? []) expect(stream).toBe('busy')
        expect(log.bytes).toBeLessThanOrEqual(maxBytes)
      },
      { numRuns: 60 },
    )
  })

  it('keeps a minute of 200 quiet streams beside one with 5,000 events a second', () => {
    const log = makeLog(MIB)
    const seconds = 60
    for (let ms = 0; ms < seconds * 1_000; ms += 1) {
      for (let i = 0; i < 5; i += 1) log.append('own00', { stream: 'busy', msg: 'x'.repeat(100) }, ms, ms)
      if (ms % 50 === 0)
        log.append('own00', { stream: `quiet${(ms / 50) % 200}`, msg: 'x'.repeat(100) }, ms, ms)
    }
    for (let i = 0; i < 200; i += 1) expect(held(log, `quiet${i}`)).toBe(6)
    const record = log.epochs.get('own00')
    expect(record?.floor).toBe(0)
    expect([...(record?.streamFloors?.keys() ?? [])]).toEqual(['busy'])
    expect(log.floors.evictions).toBeGreaterThan(290_000)
    // The newest quarter of the log is the busy stream's in any case.
    expect(held(log, 'busy')).toBeGreaterThan(800)
  })

  it('stays within its size if each event is of a stream of its own, and evicts the oldest ones', () => {
    const log = makeLog(MIB)
    let entries = 0
    for (let i = 0; i < 20_000; i += 1) {
      log.append('own00', { stream: `user:${i}`, msg: 'x'.repeat(i % 2 === 0 ? 20 : 200) }, i, i)
      if (log.bytes > MIB) throw new Error(`${log.bytes} bytes after ${i} events`)
    }
    let last = -1
    for (const entry of entriesOf(log)) {
      if (entry.isEvicted) continue
      // No event was passed over for the size of its message.
      if (last >= 0) expect(entry.index).toBe(last + 1)
      last = entry.index
      entries += 1
    }
    expect(entries).toBeGreaterThan(1_000)
    expect(log.floors.bytes).toBeLessThanOrEqual(MIB / 8)
  })
})

describe('the choice of the stream that loses an event', () => {
  it('takes a number of steps that does not depend on the number of streams', () => {
    /** Counts the reads of the bytes of all streams. */
    const steps = (streams: number, each: (i: number) => number) => {
      let reads = 0
      /** As far as the heap looks at a queue. */
      class Counted {
        place = -1
        bytes = 0
        get settledBytes(): number {
          reads += 1
          return this.bytes
        }
        set settledBytes(bytes: number) {
          this.bytes = bytes
        }
      }
      const large = new LargeStreams(MIB / 1_024)
      const queues = Array.from({ length: streams }, () => new Counted() as unknown as StreamQueue & Counted)
      queues.forEach((queue, i) => {
        queue.bytes = each(i)
        large.update(queue)
      })
      reads = 0
      for (let i = 0; i < 1_000; i += 1) {
        const queue = large.largest ?? (queues[i % streams] as StreamQueue)
        queue.settledBytes -= 100
        large.update(queue)
        queue.settledBytes += 100
        large.update(queue)
      }
      return reads / 1_000
    }
    // Streams of an event each are not even compared.
    expect(steps(100_000, (i) => (i === 0 ? 500_000 : 500))).toBeLessThan(20)
    expect(steps(100_000, () => 500)).toBeLessThan(20)
    // A log of 1 MiB has 1,024 streams of more than 1 KiB at most.
    expect(steps(1_000, () => 1_040)).toBeLessThan(100)
  })

  it('is the largest one, however the streams change', () => {
    const change = fc.record({ stream: fc.nat({ max: 9 }), bytes: fc.nat({ max: 100 }) })
    check(fc.array(change, { maxLength: 200 }), (changes) => {
      const large = new LargeStreams(20)
      const queues = Array.from({ length: 10 }, (_, i) => new StreamQueue(`s${i}`))
      for (const { stream, bytes } of changes) {
        const queue = queues[stream] as StreamQueue
        queue.settledBytes = bytes
        large.update(queue)
        const most = Math.max(...queues.map(({ settledBytes }) => settledBytes))
        expect(large.largest?.settledBytes ?? 0).toBe(most > 20 ? most : 0)
        expect(new Set(large.all)).toEqual(new Set(queues.filter(({ settledBytes }) => settledBytes > 20)))
      }
    })
  })
})
