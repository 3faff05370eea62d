// Another server of this process has replaced the global Response before `sser/node` is loaded.
import { createAdaptorServer } from '@hono/node-server'
import { Sser } from '../../src/index.ts'

createAdaptorServer({ fetch: () => new Response() })
const { serve } = await import('../../src/node.ts')

const sser = new Sser({ logger: false, internalPort: 0, drainTimeoutMs: 0, flushTimeoutMs: 0 })
const fetch = (request: Request) => sser.handler(request)
const { port, stop } = await serve({
  sser,
  fetch,
  hostname: '127.0.51.2',
  port: 0,
  fastPath: true,
})
const response = await globalThis.fetch(`http://127.0.51.2:${port}/?stream=a`)
console.log(`connection: ${response.headers.get('connection')}`)
setTimeout(() => sser.send('a', 'x').then(stop), 50)
console.log(await response.text())
