import { Hono } from 'hono'
import { until } from '../../test/support/until.ts'
import { Sser, StaticPeerFinder, serve } from '../harness/source.ts'
import { obey } from './command.ts'

const { HOST = '', HOSTS = '', OPTIONS = '{}' } = process.env
const hosts = HOSTS.split(',')
const sser = new Sser({
  peerFinder: new StaticPeerFinder(hosts.map((host) => `${host}:7147`)),
  peerSecret: 'a secret of the bench, which is long enough',
  internalPort: 7147,
  logger: false,
  ...JSON.parse(OPTIONS),
})
const app = new Hono().get('/runs/:name', (c) =>
  sser.runResponse(c.req.param('name'), c.req.raw, { dialect: 'plain', env: c.env }),
)
const { port } = await serve({ sser, fetch: app.fetch, port: 0, hostname: HOST })
const isMet = () => sser.peers.filter(({ state }) => state === 'connected').length === hosts.length - 1
await until(`${HOST} reaches its peers`, isMet, 80_000)

await obey({
  url: `http://${HOST}:${port}`,
  async open(name) {
    const run = await sser.startRun(name)
    return { write: (chunk) => void run.write(chunk), end: () => void run.end() }
  },
})
