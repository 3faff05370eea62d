import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createResumableStreamContext, type ResumableStreamContext } from '../src/resumable-stream.ts'
import { createFleet, type Fleet } from '../src/testing.ts'
import { until } from './support/until.ts'

let fleet: Fleet
let contexts: ResumableStreamContext[]

beforeAll(async () => {
  fleet = await createFleet(3)
  contexts = fleet.pods.map(({ sser }) => createResumableStreamContext({ sser }))
})
afterAll(() => fleet.stop())

/** A stream that the test writes. */
function source() {
  let controller: ReadableStreamDefaultController<string> | undefined
  let made = 0
  let signal: AbortSignal | undefined
  let isCancelled = false
  const stream = new ReadableStream<string>({
    start(own) {
      controller = own
    },
    cancel() {
      isCancelled = true
    },
  })
  return {
    make(own: AbortSignal) {
      made += 1
      signal = own
      return stream
    },
    write: (...texts: string[]) => {
      for (const text of texts) controller?.enqueue(text)
    },
    close: () => controller?.close(),
    fail: (error: Error) => controller?.error(error),
    get made() {
      return made
    },
    get isStopped() {
      return signal?.aborted === true && isCancelled
    },
  }
}

async function textOf(stream: ReadableStream<string> | null | undefined): Promise<string> {
  if (stream === null || stream === undefined) throw new Error(`expected a stream, got ${stream}`)
  let text = ''
  for await (const chunk of stream) text += chunk
  return text
}

const newId = () => crypto.randomUUID()
const [creator, other] = [() => contexts[0]!, () => contexts[1]!]

describe.each([
  ['on its Pod', creator],
  ['on another Pod', other],
])('a stream that is read %s', (_, reader) => {
  test('has the text from its start, and what is written later', async () => {
    const id = newId()
    const { make, write, close } = source()
    const first = textOf(await creator().createNewResumableStream(id, make))
    write('one ')
    const second = textOf(await reader().resumeExistingStream(id))
    write('two ', 'three')
    close()
    expect(await Promise.all([first, second])).toEqual(['one two three', 'one two three'])
  })

  test('leaves out the characters that its reader skips', async () => {
    const id = newId()
    const { make, write, close } = source()
    await creator().createNewResumableStream(id, make)
    write('one ', 'two ', 'three')
    const skips = [0, 1, 6, 13, 99].map(async (skip) => textOf(await reader().resumeExistingStream(id, skip)))
    const readers = Promise.all(skips)
    await reader().hasExistingStream(id)
    close()
    expect(await readers).toEqual(['one two three', 'ne two three', 'o three', '', ''])
  })

  test('is null after its end, and undefined if there is none', async () => {
    const id = newId()
    expect(await reader().hasExistingStream(id)).toBeNull()
    expect(await reader().resumeExistingStream(id)).toBeUndefined()
    const { make, write, close } = source()
    const text = textOf(await creator().createNewResumableStream(id, make))
    expect(await reader().hasExistingStream(id)).toBe(true)
    write('x')
    close()
    await text
    await until('the end is known', async () => (await reader().hasExistingStream(id)) === 'DONE')
    expect(await reader().resumeExistingStream(id)).toBeNull()
    expect(await reader().resumableStream(id, () => expect.unreachable())).toBeNull()
  })

  test('is read and not made again by resumableStream()', async () => {
    const id = newId()
    const { make, write, close } = source()
    const unused = source()
    const first = textOf(await creator().resumableStream(id, make))
    write('once')
    const resumed = await reader().resumableStream(id, unused.make, 2)
    const second = textOf(resumed)
    close()
    expect(await Promise.all([first, second])).toEqual(['once', 'ce'])
    expect(unused.made).toBe(0)
  })

  test('stops its source when it is cancelled, and closes', async () => {
    const id = newId()
    const created = source()
    const first = textOf(await creator().createNewResumableStream(id, created.make))
    created.write('half')
    const second = textOf(await reader().resumeExistingStream(id))
    const { sser } = fleet.pods[reader === creator ? 0 : 1]!
    expect(await sser.cancelRun(id)).toMatchObject({ outcome: 'cancelled' })
    expect(created.isStopped).toBe(true)
    expect(await Promise.all([first, second])).toEqual(['half', 'half'])
    await until('the end is known', async () => (await reader().hasExistingStream(id)) === 'DONE')
  })

  test('fails where its source fails', async () => {
    const id = newId()
    const { make, write, fail } = source()
    const first = textOf(await creator().createNewResumableStream(id, make))
    const second = textOf(await reader().resumeExistingStream(id))
    write('half')
    const both = Promise.allSettled([first, second])
    fail(new Error('the model has no more tokens'))
    for (const { reason } of (await both) as PromiseRejectedResult[])
      expect(reason).toMatchObject({ code: 'run-failed' })
  })
})

test('keeps writing when no reader is left, and gives waitUntil a promise for the end', async () => {
  const { sser } = fleet.pods[0]!
  const waiting: Promise<unknown>[] = []
  const context = createResumableStreamContext({
    sser,
    keyPrefix: 'app',
    waitUntil: (promise) => waiting.push(promise),
  })
  const { make, write, close } = source()
  const stream = await context.createNewResumableStream('kept', make)
  await stream.cancel()
  write('all', ' of it')
  const later = textOf(await context.resumeExistingStream('kept'))
  close()
  expect(await later).toBe('all of it')
  expect(waiting).toHaveLength(1)
  await waiting[0]
  expect(await sser.run('app:kept')).toMatchObject({ state: 'ended' })
})

test('replaces a stream that has ended, and rejects one that is being written', async () => {
  const id = newId()
  const before = source()
  const text = textOf(await creator().createNewResumableStream(id, before.make))
  await expect(creator().createNewResumableStream(id, () => expect.unreachable())).rejects.toMatchObject({
    code: 'run-exists',
  })
  before.write('old')
  before.close()
  await text
  const { make, write, close } = source()
  const next = textOf(await creator().createNewResumableStream(id, make))
  write('new')
  close()
  expect(await next).toBe('new')
})

test('two Pods that create a stream at once stop one of its sources, and agree on the other', async () => {
  const id = newId()
  const sources = [source(), source(), source()]
  const created = await Promise.all(
    contexts.map((context, i) => context.resumableStream(id, sources[i]!.make)),
  )
  for (const [i, { write }] of sources.entries()) write(`from ${i}`)
  const texts = Promise.allSettled(created.map(textOf))
  await until(
    'one source is left',
    () => sources.filter(({ made, isStopped }) => made > 0 && !isStopped).length === 1,
  )
  const left = sources.findIndex(({ made, isStopped }) => made > 0 && !isStopped)
  sources[left]!.close()
  const all = await texts
  expect(all[left]).toEqual({ status: 'fulfilled', value: `from ${left}` })
  for (const result of all)
    if (result.status === 'fulfilled') expect(result.value).toBe(`from ${left}`)
    else expect(result.reason).toMatchObject({ code: 'run-incomplete' })
})
