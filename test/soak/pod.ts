// One Pod of the soak. It receives orders over IPC.
import { Hono } from 'hono'
import { StaticPeerFinder } from '../../src/index.ts'
import { Log } from '../../src/log/log.ts'
import { serve } from '../../src/node.ts'
import { CountingClock } from '../support/counting-clock.ts'
import { numbers } from '../support/numbers.ts'
import { resources } from '../support/resources.ts'
import { newSser } from '../support/settings.ts'
import { obey } from './line.ts'
import { mallocBytes } from './malloc.ts'

export type Order =
  | { do: 'send'; stream: number; msg: string }
  | { do: 'run'; name: string; chunks: number; everyMs: number }
  | { do: 'vitals' }

/** Outcome of a send. */
export interface Sent {
  /** Peers there are, and those that have it. */
  peers: number
  delivered: number
}

/** How a Pod is. */
export interface Vitals {
  rss: number
  /** The part of it outside JavaScript. */
  malloc: number
  /** After a collection. */
  heapUsed: number
  /** Memory that the heap reserves, used or not. */
  heapTotal: number
  external: number
  connections: number
  logBytes: number
  /** Of the library's own. */
  timers: number
  /** Resources that keep the process alive, by kind. */
  resources: Record<string, number>
  /** Background errors, by stage. */
  errors: Record<string, number>
}

const { HOST = '', PORT = '', INTERNAL_PORT = '', PEERS = '' } = process.env

let log: Log | undefined
const { append } = Log.prototype
Log.prototype.append = function (...args) {
  log = this
  return append.apply(this, args)
}

const errors: Record<string, number> = {}
const clock = new CountingClock()
const sser = newSser({
  peerFinder: new StaticPeerFinder(PEERS.split(',')),
  internalPort: Number(INTERNAL_PORT),
  logger: false,
  // As a careful user would have it.
  peerSecret: 'known to the Pods of the soak',
  authorize: async (_, { streams }) => ({ tags: streams?.slice(0, 1), expiresAt: Date.now() + 86_400_000 }),
  maxConnectionsPerAddress: 10_000,
  // Soon forgotten, because at the end the Pod must be as it was before the first run.
  runs: { retainMs: 60_000 },
  onError: (_, { stage }) => {
    errors[stage] = (errors[stage] ?? 0) + 1
  },
  clock,
})

const app = new Hono()
app.route('/events', sser.routes)
obey((order: Order) => {
  if (order.do === 'send') return send(order)
  return order.do === 'run' ? startRun(order) : vitals()
})
const served = await serve({ sser, fetch: app.fetch, hostname: HOST, port: Number(PORT) })

console.log(`listening on http://${HOST}:${served.port}`)

async function send({ stream, msg }: Extract<Order, { do: 'send' }>): Promise<Sent> {
  const { peers } = await sser.send(`${stream}`, msg)
  return { peers: peers.length, delivered: peers.filter(({ status }) => status === 'delivered').length }
}

async function startRun({ name, chunks, everyMs }: Extract<Order, { do: 'run' }>): Promise<void> {
  await sser.startRun(name, { from: numbers(chunks, everyMs) })
}

function vitals(): Vitals {
  globalThis.gc?.()
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage()
  const { connections } = sser
  const { timers } = clock
  return {
    rss,
    malloc: mallocBytes(),
    heapUsed,
    heapTotal,
    external,
    connections,
    logBytes: log?.bytes ?? 0,
    timers,
    resources: resources(),
    errors,
  }
}
