import { Hono } from 'hono'
import { until } from '../../test/support/until.ts'
import { scrape } from '../harness/scrape.ts'
import { Sser, StaticPeerFinder, serve } from '../harness/source.ts'
import { obey } from './command.ts'

const { HOST = '', HOSTS = '', OPTIONS = '{}', SCRAPE } = process.env
const hosts = HOSTS.split(',')
let isMeasured = false
const sser = new Sser({
  peerFinder: new StaticPeerFinder(hosts.map((host) => `${host}:7147`)),
  internalPort: 7147,
  logger: false,
  onError(error, { stage }) {
    // Silent before the measurement, because Pods that start together do not reach each other at first.
    if (isMeasured) console.error(stage, error)
  },
  ...JSON.parse(OPTIONS),
})
if (SCRAPE !== undefined) scrape(sser)
const app = new Hono().route('/events', sser.routes)
const { port } = await serve({ sser, fetch: app.fetch, port: 0, hostname: HOST })
const isMet = () => sser.peers.filter(({ state }) => state === 'connected').length === hosts.length - 1
await until(`${HOST} reaches its peers`, isMet, 80_000)
isMeasured = true
await obey({
  url: `http://${HOST}:${port}`,
  send: (stream, msg) => sser.send(stream, msg),
  lag: () => Math.max(0, ...sser.peers.map((peer) => peer.lag)),
})
