import { describe, expect, it } from 'vitest'
import type { Authorize } from '../../src/index.ts'
import { Fleet } from '../support/fleet.ts'

const DECISIONS = "'allow', 'deny', 'stop' or { streams, expiresAt, tags }"
const inSeconds = Math.round(Date.now() / 1_000) + 60

describe('authorize', () => {
  it.each<[unknown, string]>([
    [true, `returned true, expected ${DECISIONS}`],
    [undefined, `returned undefined, expected ${DECISIONS}`],
    [null, `returned null, expected ${DECISIONS}`],
    ['Allow', `returned "Allow", expected ${DECISIONS}`],
    [['a'], `returned ["a"], expected ${DECISIONS}`],
    [new Response(), `returned an instance of Response, expected ${DECISIONS}`],
    [{ stream: [] }, `returned an object with the key "stream", expected ${DECISIONS}`],
    [{ streams: 'a' }, 'returned streams: "a", expected at most 32 stream names (maxStreamsPerConnection)'],
    [
      { streams: ['a', 1] },
      'returned streams: ["a", 1], expected at most 32 stream names (maxStreamsPerConnection)',
    ],
    [{ tags: [''] }, 'returned tags: [""], expected at most 16 strings of 1 to 256 characters'],
    [
      { expiresAt: inSeconds },
      `returned expiresAt: ${inSeconds}, expected milliseconds of Unix time: a JWT's exp times 1,000`,
    ],
  ])('that returns %j is reported with the received and the expected value', async (decision, text) => {
    const fleet = await Fleet.of(1, { authorize: (() => decision) as Authorize })
    const response = await fleet.pod(0).sser.handler(new Request('http://pod/?stream=a'))
    expect(await response.text()).toContain('sser-retry')
    expect(fleet.pod(0).errors).toMatchObject([
      {
        error: {
          name: 'SserError',
          code: 'authorization-failed',
          message: `Option "authorize": the function ${text}`,
        },
        context: { stage: 'authorize' },
      },
    ])
  })

  it('that throws is reported with its error as the cause', async () => {
    const cause = new Error('the session store is away')
    const fleet = await Fleet.of(1, { authorize: () => Promise.reject(cause) })
    await fleet.pod(0).sser.handler(new Request('http://pod/?stream=a'))
    expect(fleet.pod(0).errors).toMatchObject([
      { error: { code: 'authorization-failed', message: 'Option "authorize": the function threw', cause } },
    ])
  })
})
