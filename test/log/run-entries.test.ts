import { describe, expect, test } from 'vitest'
import { Log } from '../../src/log/log.ts'

function newLog(maxBytes = 1_000_000) {
  return new Log({ epoch: 'ownOO', maxAgeMs: 10_000, maxBytes, isResumable: true })
}

describe('a header of a run in the log', () => {
  test('takes a seq, which positions count', () => {
    const log = newLog()
    const entry = log.append('ownOO', { run: { start: 'chat' } }, 0, 0)
    expect(entry).toMatchObject({ kind: 'run', seq: 1, run: { start: 'chat' } })
    expect(log.position(0).get('ownOO')).toBe(1)
  })

  test('is an entry to hand over at a stop', () => {
    const log = newLog()
    expect(log.indexes.hasEvents).toBe(false)
    log.append('ownOO', { run: { start: 'chat' } }, 0, 0)
    expect(log.indexes.hasEvents).toBe(true)
    log.trim(20_000)
    expect([log.indexes.hasEvents, log.entries]).toEqual([false, 0])
  })

  test('is no gap for any reader when it leaves the log, for its age or for memory', () => {
    const aged = newLog()
    aged.append('ownOO', { run: { start: 'chat' } }, 0, 0)
    aged.trim(20_000)
    expect(aged.evictedIndex).toBe(0)
    const full = newLog(10_000)
    for (let i = 0; i < 200; i += 1) full.append('ownOO', { run: { start: `chat:${i}` } }, 0, 0)
    expect(full.epochs.get('ownOO')).toMatchObject({ floor: 0, streamFloors: undefined })
    expect(full.bytes).toBeLessThanOrEqual(10_000)
  })

  test('counts the bytes of its name, and many of them evict no disconnect', () => {
    const log = newLog(20_000)
    log.append('ownOO', { disconnect: { stream: 'orders' } }, 0, 0)
    const before = log.bytes
    log.append('ownOO', { run: { start: 'n'.repeat(256) } }, 0, 0)
    expect(log.bytes - before).toBeGreaterThan(256)
    for (let i = 0; i < 1_000; i += 1) log.append('ownOO', { run: { start: 'n'.repeat(256) } }, 0, 0)
    expect([...log.indexes.disconnects(0)].length).toBe(1)
  })
})
