import { expect, test } from 'vitest'
import type { RunItem } from '../../src/index.ts'
import { createSser } from '../../src/testing.ts'

async function itemsOf(items: AsyncIterable<RunItem>): Promise<RunItem[]> {
  const all: RunItem[] = []
  for await (const item of items) all.push(item)
  return all
}

test('a reader of a run gets every chunk, and then the end', async () => {
  await using sser = await createSser()
  const run = await sser.startRun('chat:42')
  run.write('Hel')
  const reading = itemsOf(sser.readRun('chat:42'))
  run.write('lo')
  run.end()
  expect((await reading).map((item) => ('text' in item ? item.text : item))).toEqual([
    'Hel',
    'lo',
    { type: 'end', state: 'ended' },
  ])
  expect(await sser.run('chat:42')).toMatchObject({ id: run.id, state: 'ended', chunks: 2 })
})

test('a run is written from an async iterable, and read as a stream of text', async () => {
  await using sser = await createSser()
  async function* tokens() {
    yield* ['To', 'kens', '', ' end']
  }
  await sser.startRun('chat:43', { from: tokens() })
  expect(await new Response(sser.runStream('chat:43').pipeThrough(new TextEncoderStream())).text()).toBe(
    'Tokens end',
  )
})

test('a cancellation aborts the signal of the run before its receipt says so', async () => {
  await using sser = await createSser()
  const run = await sser.startRun('chat:44')
  run.write('partial')
  expect(await sser.cancelRun('chat:44')).toEqual({ id: run.id, outcome: 'cancelled' })
  expect(run.signal.aborted).toBe(true)
  run.end()
  expect((await itemsOf(sser.readRun('chat:44'))).at(-1)).toEqual({ type: 'end', state: 'cancelled' })
  expect(await sser.cancelRun('chat:44')).toMatchObject({ outcome: 'not-running' })
})

test('the last id of a run is where a reader goes on', async () => {
  await using sser = await createSser()
  const run = await sser.startRun('chat:45')
  expect(run.lastId).toBeUndefined()
  run.write('read')
  const after = run.lastId
  run.write('new')
  run.end()
  expect(run.lastId).not.toBe(after)
  expect(await itemsOf(sser.readRun('chat:45', { after }))).toEqual([
    { type: 'chunk', id: run.lastId, index: 1, text: 'new' },
    { type: 'end', state: 'ended' },
  ])
})

test('a cancellation cancels a stream that the run is written from, also while it gives nothing', async () => {
  await using sser = await createSser()
  const { promise: isCancelled, resolve } = Promise.withResolvers<boolean>()
  await sser.startRun('chat:46', { from: new ReadableStream({ cancel: () => resolve(true) }) })
  await sser.cancelRun('chat:46')
  expect(await isCancelled).toBe(true)
})
