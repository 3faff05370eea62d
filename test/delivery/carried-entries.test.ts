import { describe, expect, it } from 'vitest'
import { CarriedEntries } from '../../src/delivery/carried-entries.ts'
import { Log } from '../../src/log/log.ts'
import { timing } from '../../src/log/timing.ts'
import { formatPosition, parsePosition } from '../../src/wire/position.ts'
import { Listening } from '../support/listening.ts'

const TIMES = timing(10_000)

function makeLog(): Log {
  return new Log({ epoch: 'own00', maxAgeMs: 10_000, maxBytes: 100_000, isResumable: true })
}

/** The entries that an id has from the prefix, with their ages. */
function prefixOf(carried: CarriedEntries, now: number): [string, number, number | undefined][] {
  const id = formatPosition([], undefined, undefined, carried.prefix(now))
  return [...(parsePosition(id) ?? [])].map(([epoch, { seq, carriedMs }]) => [epoch, seq, carriedMs])
}

describe('the carried entries of a connection', () => {
  it('begin an id with the epochs that the log does not know', () => {
    const log = makeLog()
    log.append('peer1', {}, 0, 0)
    const carried = new CarriedEntries(log.epochs, TIMES)
    carried.add('peer1', 5, 0)
    expect(carried.prefix(0)).toBeUndefined()
    carried.add('peer2', 7, 0)
    expect(prefixOf(carried, 30)).toEqual([['peer2', 7, 30]])
    expect(carried.size).toBe(2)
  })

  it('leave the beginning of ids as soon as the log knows their epoch', () => {
    const log = makeLog()
    const carried = new CarriedEntries(log.epochs, TIMES)
    carried.add('peer1', 5, 0)
    carried.add('peer2', 7, 0)
    expect(prefixOf(carried, 0)).toHaveLength(2)
    log.append('peer2', {}, 1, 1)
    const known: string[] = []
    carried.forEachKnown((epoch, seq) => known.push(`${epoch} ${seq}`))
    expect(known).toEqual(['peer2 7'])
    expect(prefixOf(carried, 1)).toEqual([['peer1', 5, 1]])
  })

  it('share one text between ids, and refresh its ages after noopIntervalMs', () => {
    const log = makeLog()
    const carried = new CarriedEntries(log.epochs, TIMES)
    carried.add('peer1', 5, 0)
    carried.prune(0, 0)
    const first = carried.prefix(100)
    carried.prune(0, TIMES.noopIntervalMs - 1)
    expect(carried.prefix(TIMES.noopIntervalMs - 1)).toBe(first)
    carried.prune(0, TIMES.noopIntervalMs)
    expect(prefixOf(carried, TIMES.noopIntervalMs)).toEqual([['peer1', 5, TIMES.noopIntervalMs]])
  })

  it('are dropped after forgetMs', () => {
    const log = makeLog()
    const carried = new CarriedEntries(log.epochs, TIMES)
    carried.add('peer1', 5, 0)
    carried.prune(0, TIMES.forgetMs - 1)
    expect(carried.size).toBe(1)
    carried.prune(0, TIMES.forgetMs + TIMES.noopIntervalMs)
    expect(carried.size).toBe(0)
    expect(carried.prefix(0)).toBeUndefined()
  })

  it('spare a client the gap for a hole that it has passed, of an epoch that ids no longer name', async () => {
    const pod = new Listening({ logMaxAgeMs: 4_000 })
    await pod.clock.advance(9_000)
    const { log } = pod.incarnation
    const now = pod.clock.now()
    const id = formatPosition([
      [log.epoch, log.ownSeq],
      ['peer1', 13],
    ])
    pod.send('a', 'missed')
    log.epochs.ensure('peer1', now - 9_000)
    log.skipTo('peer1', 12, now)
    log.append('peer1', {}, now - 9_000, now)
    await pod.clock.advance(1_001)
    const client = pod.open(['a'], id).flow()
    await pod.clock.advance(0)
    await client.cancel()
    expect(client.messages).toEqual(['missed'])
    expect(client.gaps).toEqual([])
  })
})
