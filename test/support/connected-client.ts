import { Client, type Internals } from '../../src/client/client.ts'
import type { ClientError } from '../../src/client/error.ts'
import type { ConnectOptions, Gap } from '../../src/client/options.ts'
import { VirtualClock } from './clock.ts'
import { FakeEndpoint } from './fake-endpoint.ts'

/** A page as the client sees it. */
export class FakePage extends EventTarget {
  readonly document = { visibilityState: 'visible' }

  /** Dispatches an event of the window. */
  fire(type: string, fields: Record<string, unknown> = {}): void {
    this.dispatchEvent(Object.assign(new Event(type), fields))
  }
}

/** A client of a fake endpoint on virtual time, and all that it reports. */
export function connected(options: ConnectOptions = {}, internals: Internals = {}) {
  const endpoint = new FakeEndpoint()
  const clock = new VirtualClock()
  const page = new FakePage()
  const errors: ClientError[] = []
  const gaps: Gap[] = []
  const states: string[] = []
  const client = new Client(
    '/events',
    {
      fetch: endpoint.fetch,
      onError: (error) => errors.push(error),
      onGap: (gap) => gaps.push(gap),
      share: false,
      ...options,
    },
    { clock, page, ...internals },
  )
  client.state.subscribe((state) => states.push(state))
  return { endpoint, clock, page, errors, gaps, states, client }
}

/** The same, with a listener on the stream `orders`, whose first request has been sent. */
export async function listening(options: ConnectOptions = {}) {
  const fixture = connected(options)
  const received: unknown[] = []
  fixture.client.stream('orders').on((value) => received.push(value))
  await fixture.clock.advance(10)
  return { ...fixture, received }
}
