import { describe, expect, it } from 'vitest'
import { connect } from '../../src/client.ts'
import { createFleet } from '../../src/testing/fleet.ts'
import { createSser } from '../../src/testing/instance.ts'
import { until } from '../support/until.ts'

/** A `fetch` that asks one Pod after the other, as a load balancer does. */
function balanced(handlers: readonly ((request: Request) => Promise<Response>)[]) {
  const requests: { url: URL; lastEventId: string | null }[] = []
  return {
    requests,
    async fetch(url: string, init: RequestInit): Promise<Response> {
      const request = new Request(new URL(url, 'http://pod.test'), init)
      requests.push({ url: new URL(request.url), lastEventId: request.headers.get('last-event-id') })
      const handler = handlers[(requests.length - 1) % handlers.length]
      return (handler as (request: Request) => Promise<Response>)(request)
    },
  }
}

describe('a client of real Pods', () => {
  it('moves between Pods with each change of its streams, and misses and repeats nothing', async () => {
    await using fleet = await createFleet(2)
    const pods = fleet.pods.map(({ sser }) => sser)
    const { requests, fetch } = balanced(pods.map((sser) => (request: Request) => sser.handler(request)))
    const client = connect('/events', { fetch, share: false })
    const seen: number[] = []
    client.stream<number>('numbers').on((n) => seen.push(n))
    await until('live', () => client.state.get() === 'live')
    const names = ['a', 'b', 'c', 'd']
    for (let n = 0; n < 40; n += 1) {
      await pods[n % 2]?.send('numbers', `${n}`)
      if (n % 10 === 5) client.stream(names.pop() as string).on(() => {})
      if (n % 10 === 9) await until('the reconnect', () => requests.length > (n + 1) / 10)
    }
    await until('all events', () => seen.length >= 40)
    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, n) => n))
    expect(requests).toHaveLength(5)
    client.close()
  })

  it('shows a snapshot and the events that it does not contain', async () => {
    await using sser = await createSser()
    const rows: number[] = []
    const insert = async (n: number) => {
      rows.push(n)
      await sser.send('rows', `${n}`)
    }
    const client = connect('/events', {
      share: false,
      fetch: (url, init) => sser.handler(new Request(new URL(url, 'http://pod.test'), init)),
    })
    let shown: readonly number[] = []
    client
      .stream<number, { position: string; rows: number[] }>('rows', {
        async snapshot() {
          await insert(1)
          return { position: sser.position as string, rows: [...rows] }
        },
        onSnapshot: (snapshot) => {
          shown = snapshot.rows
        },
      })
      .on((n) => {
        shown = [...shown, n]
      })
    await until('the snapshot', () => shown.length === 1)
    await insert(2)
    await until('the event', () => shown.length === 2)
    expect(shown).toEqual([1, 2])
    client.close()
  })

  it('reads a run to its end, and another reader from its first chunk', async () => {
    await using sser = await createSser()
    const client = connect('/events', {
      share: false,
      fetch: (url, init) => sser.handler(new Request(new URL(url, 'http://pod.test'), init)),
      cancelRun: (name) => sser.cancelRun(name),
    })
    const run = await sser.startRun('chat')
    run.write('Hel')
    const texts: string[] = []
    const loop = (async () => {
      for await (const text of client.run('chat')) texts.push(text)
    })()
    await until('the first chunk', () => texts.length > 0)
    run.write('lo')
    run.end()
    await loop
    let again = ''
    for await (const text of client.run('chat')) again += text
    expect([texts.join(''), again]).toEqual(['Hello', 'Hello'])

    const stopped = await sser.startRun('stopped')
    stopped.signal.addEventListener('abort', () => stopped.end())
    const reading = client.run('stopped')
    const chunks = reading[Symbol.asyncIterator]().next()
    await until('running', () => reading.state.get().status === 'running')
    await reading.cancel()
    expect(await chunks).toEqual({ done: true, value: undefined })
    expect(reading.state.get().status).toBe('cancelled')
    client.close()
  })
})
