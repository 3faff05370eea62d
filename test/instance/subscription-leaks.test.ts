import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import type { Sser, SubscriptionItem } from '../../src/index.ts'
import { createSser } from '../../src/testing.ts'

setFlagsFromString('--expose_gc')
const gc = runInNewContext('gc') as () => void

const MANY = 100

/** Collects garbage until no subscription is open, or for some turns. */
async function collected(sser: Sser): Promise<number> {
  for (let turns = 0; turns < 20 && sser.stats().subscriptions.open > 0; turns += 1) {
    gc()
    // The callbacks of a FinalizationRegistry are a task of their own.
    await setImmediate()
  }
  return sser.stats().subscriptions.open
}

type Use = (sser: Sser, signal: AbortSignal) => unknown

const uses: readonly (readonly [string, Use])[] = [
  ['a loop that breaks', (sser) => loop(sser, () => true)],
  [
    'a loop that throws',
    (sser) => loop(sser, () => Promise.reject(new Error('from the loop'))).catch(() => {}),
  ],
  ['return()', (sser) => sser.subscribe('a').return()],
  [
    'throw()',
    (sser) =>
      sser
        .subscribe('a')
        .throw(new Error('given'))
        .catch(() => {}),
  ],
  ['a signal that aborts during the call', (sser) => loop(sser, () => false, AbortSignal.abort())],
  ['no read at all', (sser, signal) => void sser.subscribe('a', { signal })],
  [
    'an iterator that is dropped after some items',
    (sser, signal) => sser.subscribe(['a', 'b'], { signal }).next(),
  ],
  [
    'a next() that lost a race, and its iterator is dropped',
    (sser, signal) => Promise.race([sser.subscribe('never', { signal }).next(), setImmediate()]),
  ],
]

async function loop(
  sser: Sser,
  isLast: (item: SubscriptionItem) => boolean | Promise<boolean>,
  signal?: AbortSignal,
): Promise<void> {
  for await (const item of sser.subscribe('a', { signal })) if (await isLast(item)) break
}

test.each(uses)('nothing of a subscription remains after %s', async (_, use) => {
  await using sser = await createSser()
  const { signal } = new AbortController()
  let listeners = 0
  for (const [name, change] of [
    ['addEventListener', 1],
    ['removeEventListener', -1],
  ] as const) {
    const original = signal[name].bind(signal) as (...args: unknown[]) => void
    signal[name] = (...args: unknown[]) => {
      listeners += change
      original(...args)
    }
  }
  const work = Array.from({ length: MANY }, () => use(sser, signal))
  await sser.send('a', '1')
  await Promise.all(work)
  work.length = 0
  await sser.send('a', '2')
  expect(await collected(sser)).toBe(0)
  expect(sser.stats().subscriptions.closed).toBe(MANY)
  expect(listeners).toBe(0)
})

test('a loop that waits stays open although nothing but its promise refers to it', async () => {
  await using sser = await createSser()
  const received: SubscriptionItem[] = []
  void loop(sser, (item) => {
    received.push(item)
    return false
  })
  for (let turns = 0; turns < 5; turns += 1) {
    gc()
    await setImmediate()
  }
  await sser.send('a', '1')
  await setImmediate()
  expect(received).toMatchObject([{ data: '1' }])
})
