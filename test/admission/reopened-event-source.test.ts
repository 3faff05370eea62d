import { readFileSync } from 'node:fs'
import { EventSource } from 'eventsource'
import { afterEach, expect, test } from 'vitest'
import { Sser, StaticPeerFinder } from '../../src/index.ts'
import { serve } from '../../src/node.ts'
import { until } from '../support/until.ts'

const PAGE = new URL('../../docs/proxies.md', import.meta.url)
let stop = async () => {}

afterEach(() => stop())

test('the page of docs/proxies.md resumes after an answer that closed its EventSource for good', async () => {
  const sser = new Sser({
    peerFinder: new StaticPeerFinder([]),
    internalPort: 0,
    retryMs: 10,
    drainTimeoutMs: 0,
    logger: false,
  })
  let requests = 0
  let isRefusing = false
  const fetch = (request: Request) => {
    requests += 1
    return isRefusing ? new Response('no Pod', { status: 502 }) : sser.handler(request)
  }
  const served = await serve({ sser, fetch, hostname: '127.0.0.1', port: 0 })
  stop = served.stop
  const code = /^```js\n(.*?)^open\(.*?^```$/ms.exec(readFileSync(PAGE, 'utf8'))?.[1]
  const sources: EventSource[] = []
  class Recorded extends EventSource {
    constructor(url: string) {
      super(url)
      sources.push(this)
    }
  }
  const closed: (() => void)[] = []
  // The longer wait is for a Pod that hangs.
  const wait = (run: (...args: unknown[]) => void, ms: number, ...args: unknown[]) =>
    ms > 10_000 ? undefined : closed.push(() => run(...args))
  const open = new Function('EventSource', 'setTimeout', `${code}; return open`)(Recorded, wait)

  const messages: string[] = []
  open(`http://127.0.0.1:${served.port}/events?stream=a`, {
    message: ({ data }: { data: string }) => messages.push(data),
  })
  await until('the page listens', () => sser.connections === 1)
  await sser.send('a', 'before')
  await until('the page has the first event', () => messages.length === 1)

  isRefusing = true
  await sser.disconnect({ stream: 'a' })
  await until('its EventSource is closed for good', () => closed.length === 1)
  await sser.send('a', 'meanwhile')
  isRefusing = false
  closed[0]?.()
  await until('the page has all events', () => messages.length === 2)
  expect(messages).toEqual(['before', 'meanwhile'])
  expect(requests).toBe(3)
  expect(sources.map(({ readyState }) => readyState)).toEqual([EventSource.CLOSED, EventSource.OPEN])
  for (const source of sources) source.close()
})
