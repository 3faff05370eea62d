// The accepting side of exchanges in a process of its own, on the ports of a Pod and on those of apps.
import { Hono } from 'hono'
import type { PeerTls } from '../../src/transport/certificates.ts'
import { podTls } from '../support/pod-tls.ts'
import { Acceptor } from './exchange-acceptor.ts'

const { HOST = '' } = process.env
const isBun = 'Bun' in globalThis
const { bindInternal } = isBun
  ? await import('../../src/runtime/bun/internal-listener.ts')
  : await import('../../src/runtime/node/internal-listener.ts')
const hmacFactory = isBun
  ? (await import('../../src/runtime/bun/runtime.ts')).bunHmac
  : (await import('../../src/runtime/node/runtime.ts')).nodeHmac

const bind = (port: number, { app }: Acceptor, certificate?: PeerTls) =>
  bindInternal(app.fetch, { port, hostname: HOST, tls: certificate, signal: new AbortController().signal })

await bind(7301, new Acceptor())
await bind(7302, new Acceptor({ secrets: ['a secret'], hmacFactory }))
await bind(7303, new Acceptor({ secrets: ['a secret'], hmacFactory }), podTls)
// As an app that mounts the routes itself: with the runtime's own streams, and the HMAC of the web.
const app = new Hono().route('/', new Acceptor({ secrets: ['a secret'] }).app)
if (isBun) Bun.serve({ hostname: HOST, port: 7304, fetch: app.fetch })
else {
  const { serve } = await import('@hono/node-server')
  await new Promise((resolve) => serve({ hostname: HOST, port: 7304, fetch: app.fetch }, resolve))
}
console.log(`listening on http://${HOST}:7301`)
