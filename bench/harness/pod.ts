import { Hono } from 'hono'
import type { SserOptions } from '../../src/index.ts'
import { Sser, StaticPeerFinder } from './source.ts'
import { streamNames } from './stream-names.ts'

/** A Pod as in the README, without peers by default. Each line of a posted body is one event. */
export function pod(options: Partial<SserOptions> = {}): {
  sser: InstanceType<typeof Sser>
  fetch: Hono['fetch']
} {
  const sser = new Sser({
    peerFinder: new StaticPeerFinder([]),
    internalPort: 0,
    logger: false,
    maxMessageBytes: 65_536,
    ...options,
  })
  const app = new Hono()
  app.route('/events', sser.routes)
  app.post('/send', async (c) => {
    const { stream = '', streams } = c.req.query()
    const names = streamNames(stream, streams)
    const messages = (await c.req.text()).split('\n')
    await Promise.all(messages.flatMap((msg) => names.map((name) => sser.send(name, msg))))
    return c.body(null, 202)
  })
  return { sser, fetch: app.fetch }
}
