import { afterEach, describe, expect, it } from 'vitest'
import type { Run, RunItem } from '../../src/index.ts'
import { Fleet } from '../support/fleet.ts'

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

describe.each<[string, (size: number) => Promise<Fleet>]>([
  ['with exchanges', (size) => Fleet.withExchanges(size)],
  ['without exchanges', (size) => Fleet.of(size)],
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
})
