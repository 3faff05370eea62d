import { afterEach, describe, expect, it } from 'vitest'
import type { Run, RunItem } from '../../src/index.ts'
import { Fleet } from '../support/fleet.ts'
import { summaryOf } from '../support/run-summary.ts'
import type { TestSettings } from '../support/settings.ts'

let fleet: Fleet

afterEach(async () => {
  await fleet.stop()
})

/** A reader of a run on a Pod, and the items that it has received. */
class Reader {
  readonly items: RunItem[] = []
  error: unknown

  constructor(pod: number, name: string, options = {}) {
    void this.#read(fleet.pod(pod).sser.readRun(name, options))
  }

  async #read(items: AsyncIterable<RunItem>): Promise<void> {
    try {
      for await (const item of items) this.items.push(item)
    } catch (error) {
      this.error = error
    }
  }

  get text(): string {
    return this.items.map((item) => (item.type === 'chunk' ? item.text : '')).join('')
  }

  /** Types of the items that are no chunks, with the state of the end. */
  get told(): string[] {
    return this.items.flatMap((item) => {
      if (item.type === 'chunk') return []
      return item.type === 'end' ? [item.state] : [item.type]
    })
  }
}

/** Resolves as the promise does, while time passes. */
async function passing<T>(promise: Promise<T>): Promise<T> {
  let isDone = false
  promise.then(
    () => (isDone = true),
    () => (isDone = true),
  )
  await fleet.clock.until('the call resolves', () => isDone)
  return promise
}

const start = (pod: number, name: string): Promise<Run> => passing(fleet.pod(pod).sser.startRun(name))

const until = (what: string, isTrue: () => boolean, ms = 10_000) => fleet.clock.until(what, isTrue, ms)

const summary = (pod: number, run: Run) => summaryOf(fleet.pod(pod), run.id)

/** Indexes of the Pods beside Pod 0 that hold the chunks of its run before `next`. */
async function holders(run: Run, next: number): Promise<number[]> {
  const others = fleet.pods.map((_, i) => i).slice(1)
  const held = await Promise.all(others.map(async (i) => ((await summary(i, run))?.next ?? 0) >= next))
  return others.filter((_, i) => held[i])
}

describe('chunks over exchanges', () => {
  it('reach readers at once, and Pods that only hold the run within 200 ms, or at once for flush()', async () => {
    fleet = await Fleet.withExchanges(4)
    const run = await start(0, 'chat')
    run.write('a')
    expect(await passing(run.flush())).toBe(2)
    const [held] = (await holders(run, 1)) as [number]
    const readers = [1, 2, 3].filter((i) => i !== held).map((i) => new Reader(i, 'chat'))
    await until('the readers have the chunk', () => readers.every(({ text }) => text === 'a'))
    run.write('b')
    await fleet.clock.advance(20)
    expect([...readers.map(({ text }) => text), (await summary(held, run))?.next]).toEqual(['ab', 'ab', 1])
    await fleet.clock.advance(200)
    expect((await summary(held, run))?.next).toBe(2)
    run.write('c')
    const flushed = run.flush()
    await fleet.clock.advance(20)
    expect([(await summary(held, run))?.next, await flushed]).toEqual([3, 3])
  })
})

describe.each<[string, (size: number, settings?: TestSettings) => Promise<Fleet>]>([
  ['with exchanges', (size, settings) => Fleet.withExchanges(size, settings)],
  ['without exchanges', (size, settings) => Fleet.of(size, settings)],
])('runs between Pods %s', (_, make) => {
  it('reach a reader on a third Pod, from the start, live and to the end', async () => {
    fleet = await make(5)
    const run = await start(0, 'chat')
    run.write('a')
    const reader = new Reader(3, 'chat')
    await until('the reader has the chunk', () => reader.text === 'a')
    run.write('b')
    run.write('c')
    run.end()
    await until('the reader has the end', () => reader.told.length > 0)
    expect(reader).toMatchObject({ text: 'abc', told: ['ended'] })
  })

  it('are held by two further Pods, which flush() waits for', async () => {
    fleet = await make(6)
    const run = await start(0, 'chat')
    run.write('a')
    run.write('b')
    expect(await passing(run.flush())).toBe(2)
    const holding = await holders(run, 2)
    expect(holding).toHaveLength(2)
    run.end()
    await fleet.clock.advance(1_000)
    for (const i of holding)
      expect(await summary(i, run)).toMatchObject({ end: { state: 'ended', chunks: 2 } })
  })

  it('are held by another Pod as soon as a holder drains', async () => {
    fleet = await make(4, { drainTimeoutMs: 20_000 })
    const run = await start(0, 'chat')
    run.write('a')
    expect(await passing(run.flush())).toBe(2)
    const holding = await holders(run, 1)
    const third = [1, 2, 3].find((i) => !holding.includes(i)) as number
    const stopping = fleet.pod(holding[0] as number).sser.stop()
    await fleet.clock.advance(2_000)
    expect((await summary(third, run))?.next).toBe(1)
    run.end()
    await passing(stopping)
  })

  it('tell in answers for how long their producer has been silent', async () => {
    fleet = await make(3)
    const run = await start(0, 'chat')
    await fleet.clock.advance(100)
    fleet.kill(0)
    await fleet.clock.advance(20_000)
    expect(Math.abs(((await summary(1, run))?.silence ?? 0) - 22_500)).toBeLessThan(2_600)
  })

  it('are read on from the holders when the producer was killed, to the end lost', async () => {
    fleet = await make(5)
    const run = await start(0, 'chat')
    run.write('a')
    run.write('b')
    expect(await passing(run.flush())).toBe(2)
    const holding = await holders(run, 2)
    const apart = [1, 2, 3, 4].find((i) => !holding.includes(i)) as number
    fleet.kill(0)
    const reader = new Reader(apart, 'chat')
    await until('the reader has the chunks of a holder', () => reader.text === 'ab', 20_000)
    await until('the reader has the end', () => reader.told.includes('lost'), 90_000)
    expect(reader).toMatchObject({ text: 'ab', told: ['interrupted', 'lost'] })
  })

  it('are lost within seconds when another process has the address of the producer', async () => {
    fleet = await make(3)
    const run = await start(0, 'chat')
    run.write('a')
    const reader = new Reader(1, 'chat')
    await until('the reader has the chunk', () => reader.text === 'a')
    fleet.kill(0)
    await fleet.clock.advance(2_000)
    fleet.heal()
    await fleet.start(fleet.replace(0))
    await until('the reader has the end', () => reader.told.includes('lost'), 3_000)
    expect(reader.text).toBe('a')
    // The new process has never reached the one before it.
    const there = new Reader(0, 'chat')
    await until('a reader on the new process has the end', () => there.told.includes('lost'), 3_000)
    expect(there.text).toBe('a')
  })

  it('go on after a partition, with no chunk lost or twice', async () => {
    fleet = await make(3)
    const run = await start(0, 'chat')
    run.write('a')
    const reader = new Reader(1, 'chat')
    await until('the reader has the chunk', () => reader.text === 'a')
    fleet.cut(0, 1)
    fleet.cut(0, 2)
    run.write('b')
    await until('the reader is told', () => reader.told.length > 0, 30_000)
    run.write('c')
    fleet.heal()
    await until('the reader has the chunks', () => reader.text === 'abc', 30_000)
    run.end()
    await until('the reader has the end', () => reader.told.includes('ended'))
    expect(reader.text).toBe('abc')
    expect(reader.told.filter((told) => told !== 'resumed')).toEqual(['interrupted', 'ended'])
  })

  it('reach a Pod that is cut off from the producer through a holder, live', async () => {
    fleet = await make(4)
    const run = await start(0, 'chat')
    run.write('a')
    expect(await passing(run.flush())).toBe(2)
    const holding = await holders(run, 1)
    const apart = [1, 2, 3].find((i) => !holding.includes(i)) as number
    fleet.cut(0, apart)
    const reader = new Reader(apart, 'chat')
    await until('the reader has the chunk', () => reader.text === 'a', 20_000)
    run.write('b')
    await until('the reader has the next chunk', () => reader.text === 'ab', 20_000)
    fleet.heal()
    run.write('c')
    run.end()
    await until('the reader has the end', () => reader.told.includes('ended'), 20_000)
    expect(reader.text).toBe('abc')
  })

  it('are cancelled from any Pod, which learns that the producer has heard it', async () => {
    fleet = await make(3)
    const run = await start(0, 'chat')
    run.write('a')
    await fleet.clock.advance(10)
    expect(await passing(fleet.pod(2).sser.cancelRun('chat'))).toEqual({ id: run.id, outcome: 'cancelled' })
    expect(run.signal.aborted).toBe(true)
    run.end()
    const reader = new Reader(1, 'chat')
    await until('the reader has the end', () => reader.told.length > 0)
    expect(reader).toMatchObject({ text: 'a', told: ['cancelled'] })
    expect(await passing(fleet.pod(1).sser.cancelRun('chat'))).toMatchObject({ outcome: 'not-running' })
  })

  it('are cancelled by the log where the producer cannot be asked', async () => {
    fleet = await make(3)
    const run = await start(0, 'chat')
    await fleet.clock.advance(10)
    fleet.cut(0, 2)
    await fleet.clock.advance(2_000)
    expect(await passing(fleet.pod(2).sser.cancelRun('chat'))).toMatchObject({ outcome: 'unreachable' })
    await until('the signal aborts', () => run.signal.aborted, 30_000)
  })

  it('are known to a new Pod, which reads them from their start', async () => {
    fleet = await make(3)
    const run = await start(0, 'chat')
    run.write('a')
    run.end()
    await fleet.clock.advance(1_000)
    fleet.kill(2)
    fleet.heal()
    await fleet.start(fleet.replace(2))
    const reader = new Reader(2, 'chat')
    await until('the reader has the end', () => reader.told.length > 0)
    expect(reader).toMatchObject({ text: 'a', told: ['ended'] })
  })

  it('survive a rollout of all Pods, one after another', async () => {
    fleet = await make(3, { drainTimeoutMs: 100 })
    const run = await start(0, 'chat')
    run.write('a')
    run.write('b')
    run.end()
    for (const i of [0, 1, 2]) {
      await passing(fleet.pod(i).sser.stop())
      await fleet.clock.advance(500)
      await fleet.start(fleet.replace(i))
      await until('all links are up', () =>
        fleet.pods.every(({ sser }) => sser.peers.every(({ state }) => state !== 'failing')),
      )
    }
    const reader = new Reader(0, 'chat')
    await until('the reader has the end', () => reader.told.length > 0)
    expect(reader).toMatchObject({ text: 'ab', told: ['ended'] })
  })

  it('end as failed where they outlast the drain of their producer', async () => {
    fleet = await make(3, { drainTimeoutMs: 100 })
    const run = await start(0, 'chat')
    run.write('a')
    const reader = new Reader(1, 'chat')
    await until('the reader has the chunk', () => reader.text === 'a')
    await passing(fleet.pod(0).sser.stop())
    await until('the reader has the end', () => reader.told.length > 0)
    expect(reader.items.at(-1)).toEqual({ type: 'end', state: 'failed', reason: 'draining' })
  })

  it('have one producer, where two Pods start a name at once', async () => {
    fleet = await make(3)
    fleet.cut(0, 1)
    const runs = [await start(0, 'chat'), await start(1, 'chat')]
    for (const [i, run] of runs.entries()) run.write(`${i}`)
    fleet.heal()
    await until('one of them ends', () => runs.some(({ signal }) => signal.aborted), 30_000)
    const winner = runs.findIndex(({ signal }) => !signal.aborted)
    runs[winner]?.end()
    const reader = new Reader(2, 'chat')
    await until('the reader has the end', () => reader.told.includes('ended'), 20_000)
    expect(reader.text).toBe(`${winner}`)
  })
})
