import { describe, expect, test } from 'vitest'
import { createSser } from '../../src/testing.ts'
import { thrown } from '../support/subscriptions.ts'

describe('subscribe() throws at once for', () => {
  const cases: [string, (sser: Awaited<ReturnType<typeof createSser>>) => unknown, string][] = [
    ['no stream', (sser) => sser.subscribe([]), 'stream-name-required'],
    ['an empty name', (sser) => sser.subscribe(''), 'stream-name-required'],
    ['a name with a line break', (sser) => sser.subscribe(['a', 'b\n']), 'invalid-stream-name'],
    ['a name that is no string', (sser) => sser.subscribe([1 as unknown as string]), 'invalid-stream-name'],
    ['no names', (sser) => sser.subscribe(undefined as unknown as string), 'invalid-argument'],
    [
      'too many streams',
      (sser) => sser.subscribe(Array.from({ length: 33 }, (_, i) => `s${i}`)),
      'too-many-streams-per-connection',
    ],
    ['an after that is no id', (sser) => sser.subscribe('a', { after: 'yesterday' }), 'invalid-event-id'],
    ['an empty after', (sser) => sser.subscribe('a', { after: '' }), 'invalid-event-id'],
    [
      'an after that is no string',
      (sser) => sser.subscribe('a', { after: 1 as unknown as string }),
      'invalid-event-id',
    ],
    ['an unknown option', (sser) => sser.subscribe('a', { since: '' } as object), 'invalid-argument'],
    [
      'a signal that is none',
      (sser) => sser.subscribe('a', { signal: {} as AbortSignal }),
      'invalid-argument',
    ],
  ]
  test.each(cases)('%s', async (_, call, code) => {
    await using sser = await createSser()
    expect(thrown(() => call(sser)).code).toBe(code)
    expect(sser.stats().subscriptions.opened).toBe(0)
  })

  test('more subscriptions than maxSubscriptions', async () => {
    await using sser = await createSser({ maxSubscriptions: 2 })
    const open = [sser.subscribe('a'), sser.subscribe('b')]
    const error = thrown(() => sser.subscribe('a'))
    expect(error).toMatchObject({ code: 'too-many-subscriptions', status: 429 })
    expect(error.message).toContain('maxSubscriptions')
    expect(sser.stats().rejected).toEqual({ 'too-many-subscriptions': 1 })
    await open[0]?.return()
    await sser.subscribe('a').return()
  })
})
