import { describe, expect, it } from 'vitest'
import type { Receipt, StandardSchemaV1, Tracing } from '../../src/index.ts'
import { begin } from '../replication/linked-pod.ts'
import { settle } from '../support/clock.ts'
import type { TestSettings } from '../support/settings.ts'

/** A Pod with an exchange in which all is acknowledged; `isDelayed`: whether the peer may delay its next acknowledgement. */
async function open(settings: TestSettings = {}) {
  const { pod, opener, own } = await begin(undefined, settings)
  opener.latest.say({ v: 2, epoch: 'peer1', position: { [own()]: 1 } })
  await settle()
  return {
    sser: pod.sser,
    ack: () => opener.latest.ack(),
    isDelayed: async () => {
      await settle()
      return opener.latest.messages.findLast(({ runs }) => runs !== undefined)?.delay
    },
    asks: () => opener.latest.messages.some(({ ask }) => ask),
  }
}

const later: StandardSchemaV1<string> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: async (value) =>
      value === 'wrong' ? { issues: [{ message: 'is wrong' }] } : { value: value as string },
  },
}
const ends: unknown[] = []
const span = () => ({
  traceparent: undefined,
  end: (receipt?: unknown) => void ends.push(receipt),
  fail: (error: unknown) => void ends.push(error),
})
const tracing: Tracing = { send: span, append: span, deliver: span }

type Opened = Awaited<ReturnType<typeof open>>

describe.each<[string, TestSettings, (opened: Opened) => Promise<Receipt>]>([
  ['send()', {}, ({ sser }) => sser.send('a', 'x')],
  ['send() of a typed stream', {}, ({ sser }) => sser.stream('a').send('x')],
  [
    'send() of a typed stream with an asynchronous schema',
    {},
    ({ sser }) => sser.stream('a', { schema: later }).send('x'),
  ],
  ['send() with tracing', { tracing }, ({ sser }) => sser.send('a', 'x')],
])('the promise of %s', (_, settings, send) => {
  it('does not hurry the peers while nothing awaits it', async () => {
    const opened = await open(settings)
    void send(opened)
    expect(await opened.isDelayed()).toBe(true)
    expect(opened.asks()).toBe(false)
  })

  it('asks the peers for acknowledgements once something awaits it', async () => {
    const opened = await open(settings)
    const awaited = send(opened).then(({ peers }) => peers)
    expect((await opened.isDelayed()) !== true || opened.asks()).toBe(true)
    opened.ack()
    expect(await awaited).toMatchObject([{ status: 'delivered' }])
  })
})

it('the promise of send() with tracing ends its span before it settles', async () => {
  const { sser, ack } = await open({ tracing })
  ends.length = 0
  const sent = sser.send('a', 'x')
  await settle()
  ack()
  const receipt = await sent
  expect(ends).toContain(receipt)
  const error = await sser.send('', 'x').catch((reason: unknown) => reason)
  expect(ends.at(-1)).toBe(error)
})

it('the promise of a typed stream rejects with what an asynchronous schema rejects', async () => {
  const { sser } = await open()
  await expect(sser.stream('a', { schema: later }).send('wrong')).rejects.toMatchObject({
    code: 'invalid-message',
  })
})
