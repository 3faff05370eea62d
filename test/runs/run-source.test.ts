import { describe, expect, test } from 'vitest'
import { pump } from '../../src/runs/run-source.ts'
import { ErrorReporter } from '../../src/telemetry/error-reporter.ts'
import { settle } from '../support/clock.ts'
import { newRuns, openReader, readAll } from '../support/run-peers.ts'

async function pumped(source: unknown, options: { maxIdleMs?: number; exposeErrors?: boolean } = {}) {
  const { runs, clock } = newRuns()
  const errors: { error: unknown; stage: string }[] = []
  const run = await runs.start('chat', false)
  const { reader } = await openReader(runs)
  pump(run, source as AsyncIterable<string>, {
    clock,
    errors: new ErrorReporter((error, { stage }) => errors.push({ error, stage })),
    maxIdleMs: options.maxIdleMs,
    exposeErrors: options.exposeErrors ?? false,
  })
  await settle()
  return { runs, run, reader, clock, errors }
}

/** A source that never ends by itself, and records whether it was left. */
function endless() {
  const source = {
    isLeft: false,
    next: async () => ({ done: false as const, value: 'x' }),
    return: async () => {
      source.isLeft = true
      return { done: true as const, value: undefined }
    },
    [Symbol.asyncIterator]: () => source,
  }
  return source
}

describe('the source of a run', () => {
  test('is written without its empty texts, and ends the run', async () => {
    async function* source() {
      yield* ['a', '', 'b']
    }
    const { reader } = await pumped(source())
    expect(readAll(reader)).toEqual(['a', 'b', '[ended]'])
  })

  test('fails the run where it cannot be read, or gives something else than text, and names the fix', async () => {
    const broken = {
      [Symbol.asyncIterator]() {
        throw new Error('not twice')
      },
    }
    const first = await pumped(broken)
    expect([readAll(first.reader), first.errors]).toMatchObject([
      ['[failed]'],
      [{ error: { message: 'not twice' } }],
    ])
    const second = await pumped(new Blob(['bytes']).stream())
    await settle()
    expect(readAll(second.reader)).toEqual(['[failed]'])
    expect(String(second.errors[0]?.error)).toContain('pipeThrough(new TextDecoderStream())')
  })

  test('may be a stream', async () => {
    const { reader } = await pumped(new Blob(['a', 'b']).stream().pipeThrough(new TextDecoderStream()))
    await settle()
    expect(readAll(reader).at(-1)).toBe('[ended]')
  })

  test('that throws fails the run, with a reason for onError alone', async () => {
    async function* source() {
      yield 'a'
      throw new Error('key sk-123 is invalid')
    }
    const { reader, errors } = await pumped(source())
    expect(readAll(reader)).toEqual(['a', '[failed]'])
    expect(errors).toEqual([
      { error: expect.objectContaining({ message: 'key sk-123 is invalid' }), stage: 'run' },
    ])
  })

  test('that throws fails the run with its message where clients may see it', async () => {
    // biome-ignore lint/correctness/useYield: fails before the first text
    async function* source(): AsyncGenerator<string> {
      throw new Error('out of quota')
    }
    const { reader } = await pumped(source(), { exposeErrors: true })
    expect(readAll(reader)).toEqual(['[failed: out of quota]'])
  })

  test('that gives no text fails the run, and is left', async () => {
    const source = { ...endless(), next: async () => ({ done: false, value: 7 }), isLeft: false }
    source.return = async () => {
      source.isLeft = true
      return { done: true, value: undefined }
    }
    const { reader, errors } = await pumped({ [Symbol.asyncIterator]: () => source })
    expect([readAll(reader), source.isLeft]).toEqual([['[failed]'], true])
    expect(errors[0]?.error).toMatchObject({ code: 'invalid-message' })
  })

  test('that is idle for too long fails the run, and is left', async () => {
    const source = { ...endless(), next: () => new Promise(() => {}), isLeft: false }
    source.return = async () => {
      source.isLeft = true
      return { done: true, value: undefined }
    }
    const { reader, clock, errors } = await pumped(
      { [Symbol.asyncIterator]: () => source },
      { maxIdleMs: 1_000 },
    )
    await clock.advance(900)
    expect(readAll(reader)).toEqual([])
    await clock.advance(200)
    expect([readAll(reader), source.isLeft]).toEqual([['[failed: idle]'], true])
    expect(errors[0]?.error).toMatchObject({ code: 'run-failed' })
  })

  test('that gives a text in time keeps the run', async () => {
    let give: (result: IteratorResult<string>) => void = () => {}
    const source = { next: () => new Promise<IteratorResult<string>>((resolve) => (give = resolve)) }
    const { run, clock } = await pumped({ [Symbol.asyncIterator]: () => source }, { maxIdleMs: 1_000 })
    for (let i = 0; i < 5; i += 1) {
      await clock.advance(900)
      give({ done: false, value: 'x' })
      await settle()
    }
    expect([run.state, run.chunks, clock.timers]).toEqual(['running', 5, expect.any(Number)])
    give({ done: true, value: undefined })
    await settle()
    expect(run.state).toBe('ended')
  })

  test('is left as soon as the run is cancelled', async () => {
    const source = endless()
    let isOpen = true
    source.next = async () => {
      await settle()
      return { done: !isOpen as false, value: 'x' }
    }
    const { runs, run } = await pumped(source)
    expect(run.state).toBe('running')
    runs.cancelOwn(run.id)
    expect([run.state, source.isLeft]).toEqual(['cancelled', true])
    isOpen = false
  })
})
