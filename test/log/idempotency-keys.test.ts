import { describe, expect, it } from 'vitest'
import { Reader } from '../../src/delivery/reader.ts'
import { FrameText } from '../../src/delivery/stream-connection.ts'
import { Log } from '../../src/log/log.ts'
import { formatPosition } from '../../src/wire/position.ts'
import { ownCpuMs } from '../support/cpu-time.ts'
import { Listening } from '../support/listening.ts'

/** Each event costs the same: a comparison of each with all would take many times as long. */
const MANY = 20_000
/** They take some 30 ms. */
const MAX_MS = 1_500

const duplicate = { stream: 'a', msg: 'pay', key: 'k' }

/** Messages of its stream that a client with `id` receives. */
async function seenFrom(pod: Listening, id: string): Promise<string[]> {
  const client = pod.open(['a'], id).flow()
  await pod.clock.advance(0)
  return client.messages
}

describe('many events with one idempotency key', () => {
  it('are delivered live once, without comparing each with all', async () => {
    const pod = new Listening()
    const client = pod.connect('a')
    await pod.clock.advance(0)
    const ms = await ownCpuMs(async () => {
      for (let i = 0; i < MANY; i += 1) pod.append(duplicate, 'peer1')
      await pod.clock.advance(0)
    })
    expect(ms).toBeLessThan(MAX_MS)
    expect(client.messages).toEqual(['pay'])
  })

  it('are read once by a reader that is behind, without comparing each with all', async () => {
    const pod = new Listening()
    const { log } = pod.incarnation
    const reader = new Reader(log, ['a'])
    const ms = await ownCpuMs(() => {
      for (let i = 0; i < MANY; i += 1) pod.append(duplicate, `peer${i % 9}`)
      let events = 0
      while (reader.cursor < log.nextIndex)
        events += reader.slice(new FrameText(true), pod.clock.now()).events
      expect(events).toBe(1)
      log.trim(pod.clock.now() + 120_001)
    })
    expect(ms).toBeLessThan(MAX_MS)
    expect(log.indexes.idempotencyKeys.first('a', 'k')).toBeUndefined()
  })
})

describe('events with one idempotency key', () => {
  it('are not sent to a client that has one of them', async () => {
    const pod = new Listening()
    for (const epoch of ['peer1', 'peer2', 'peer3']) pod.append(duplicate, epoch)
    const { epoch } = pod.incarnation.log
    for (const had of ['peer1', 'peer2', 'peer3']) {
      const id = formatPosition([
        [epoch, 1],
        [had, 1],
      ])
      expect(await seenFrom(pod, id)).toEqual([])
    }
    expect(await seenFrom(pod, formatPosition([[epoch, 1]]))).toEqual(['pay'])
  })

  it('keep the next one as the first after an eviction', async () => {
    const pod = new Listening({ logMaxAgeMs: 5_000 })
    const { log } = pod.incarnation
    const first = pod.append(duplicate, 'peer1')
    await pod.clock.advance(3_000)
    const second = pod.append(duplicate, 'peer2')
    const other = pod.append({ ...duplicate, key: 'other' }, 'peer2')
    expect(log.indexes.idempotencyKeys.first('a', 'k')).toBe(first)
    await pod.clock.advance(3_000)
    log.trim(pod.clock.now())
    expect(log.indexes.idempotencyKeys.first('a', 'k')).toBe(second)
    expect(log.indexes.idempotencyKeys.first('a', 'other')).toBe(other)
    await pod.clock.advance(3_000)
    log.trim(pod.clock.now())
    expect(log.indexes.idempotencyKeys.first('a', 'k')).toBeUndefined()
    expect(log.indexes.idempotencyKeys.first('a', 'other')).toBeUndefined()
  })

  it('are indexed per stream, as long as the log has them', () => {
    const log = new Log({
      epoch: 'own00',
      maxAgeMs: 10_000,
      maxBytes: 1_048_576,
      isResumable: true,
    })
    const first = log.append('own00', { stream: 'a', msg: 'x', key: 'k' }, 0, 0)
    const second = log.append('peer1', { stream: 'a', msg: 'x', key: 'k' }, 1_000, 1_000)
    expect(log.indexes.idempotencyKeys.first('a', 'k')).toBe(first)
    expect(log.indexes.idempotencyKeys.first('b', 'k')).toBeUndefined()
    log.trim(10_001)
    expect(log.indexes.idempotencyKeys.first('a', 'k')).toBe(second)
    log.trim(11_001)
    expect(log.indexes.idempotencyKeys.first('a', 'k')).toBeUndefined()
  })
})
