import { EventSource } from 'eventsource'
import { describe, expect, it } from 'vitest'
import { eventSourceFetch } from '../../src/client/event-source-fetch.ts'
import { connect } from '../../src/client.ts'
import { createSser } from '../../src/testing/instance.ts'
import { until } from '../support/until.ts'

describe('a client that reads by an EventSource', () => {
  it('receives the events of its streams, and adds a stream at its position', async () => {
    const sser = await createSser()
    const urls: string[] = []
    /** An EventSource whose requests the instance answers. */
    class Source extends EventSource {
      constructor(url: string, init?: EventSourceInit) {
        super(new URL(url, 'http://pod.test'), {
          ...init,
          fetch: (input, { headers }) => {
            urls.push(String(input))
            return sser.handler(new Request(String(input), { headers: headers as Record<string, string> }))
          },
        })
      }
    }
    const client = connect('/events', {
      share: false,
      fetch: eventSourceFetch({
        types: ['created'],
        EventSource: Source as unknown as typeof globalThis.EventSource,
      }),
    })
    const seen: unknown[] = []
    client
      .stream('orders', { parse: String })
      .on((text, { event, stream }) => seen.push([stream, event, text]))
    await until('live', () => client.state.get() === 'live')
    await sser.send('orders', 'two\ncoffees')
    await sser.send('orders', 'one tea', { event: 'created' })
    await until('two events', () => seen.length === 2)
    client.stream('chat', { parse: String }).on((text, { stream }) => seen.push([stream, text]))
    await until('the second request', () => urls.length === 2)
    await sser.send('chat', 'hi')
    await until('three events', () => seen.length === 3)
    expect(seen).toEqual([
      ['orders', undefined, 'two\ncoffees'],
      ['orders', 'created', 'one tea'],
      ['chat', 'hi'],
    ])
    expect(urls[1]).toContain('label=event&lastEventId=')
    client.close()
    await sser.stop()
  })
})
