// A process of its own: opens and drops connections in every way, and prints the resources left behind as JSON.
import { Hono } from 'hono'
import { cors } from 'hono/cors'
import { logger } from 'hono/logger'
import { Connection } from '../../src/delivery/connection.ts'
import { Hub } from '../../src/delivery/hub.ts'
import { StaticPeerFinder } from '../../src/index.ts'
import { CountingClock } from '../support/counting-clock.ts'
import { resources } from '../support/resources.ts'
import { newSser } from '../support/settings.ts'
import { RawClient } from '../support/stream-client.ts'
import { until } from '../support/until.ts'

const isBun = 'Bun' in globalThis
const { serve } = isBun ? await import('../../src/bun.ts') : await import('../../src/node.ts')
const HOST = process.env.HOST as string

/** A way to end, and how many connections end in it. Stalled ones fill the kernel's buffers, 4 MB each. */
const WAYS = { stalled: 200, idle: 800, pending: 800, head: 800, late: 800, early: 800, front: 800 }
const BATCH = { stalled: 20, other: 100 }

let hub: Hub | undefined
const join = Hub.prototype.add
Hub.prototype.add = function (connection) {
  hub = this
  return join.call(this, connection)
}

const clock = new CountingClock()
const sser = newSser({
  peerFinder: new StaticPeerFinder([]),
  internalPort: 0,
  heartbeatMs: 1_000,
  logMaxBytes: 1_048_576,
  drainTimeoutMs: 0,
  flushTimeoutMs: 0,
  clock,
  logger: false,
})
let gate = Promise.withResolvers<void>()
const app = new Hono()
app.onError((error, c) => c.text(error.message, 500))
app.use(
  '/front/*',
  cors(),
  logger(() => {}),
)
app.use('/late/*', async (_, next) => {
  await next()
  throw new Error('thrown late')
})
app.use('/early/*', async (_, next) => {
  waiting += 1
  await gate.promise
  await next()
})
let waiting = 0
for (const way of ['', '/front', '/late', '/early']) app.route(`${way}/events`, sser.routes)

const listenersBefore = listeners()
const served = await serve({ sser, fetch: app.fetch, hostname: HOST, port: 0 })
const url = `http://${HOST}:${served.port}`
let opened = 0
let peak = 0

// First a few of each, because code, caches and buffers are made once.
for (const way of Object.keys(WAYS)) await batch(way, 20)
const before = await measure()
opened = 0
await round()
const after = await measure()

// And the last way to end: the Pod stops.
await Promise.all(Array.from({ length: 20 }, (_, i) => greeted(url, `last ${i}`)))
const stopStart = performance.now()
await served.stop()
const stopMs = performance.now() - stopStart
const end = { ...(await measure()), listeners: listeners() - listenersBefore }
console.log(JSON.stringify({ opened, peak, before, after, stopMs, end }))

async function round(): Promise<void> {
  for (const [way, count] of Object.entries(WAYS)) {
    const size = way === 'stalled' ? BATCH.stalled : BATCH.other
    for (let done = 0; done < count; done += size) await batch(way, size)
  }
}

async function batch(way: string, size: number): Promise<void> {
  const raws = await Promise.all(Array.from({ length: size }, (_, i) => open(way, `${way} ${i % 7} ${i}`)))
  opened += size
  if (way === 'idle') {
    for (let i = 0; i < 7; i += 1) await sser.send(`idle ${i} ${i}`, 'one event')
  }
  if (way === 'stalled') {
    const msg = 'x'.repeat(60_000)
    for (let i = 0; i < 100; i += 1) {
      await sser.send('stalled', msg)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  peak = Math.max(peak, sser.connections)
  for (const [i, raw] of raws.entries()) {
    if (i % 2 === 0) raw.socket.destroy()
    else raw.socket.resetAndDestroy()
  }
  if (way === 'early') {
    await until('the early ones are all here', () => waiting === size)
    await Promise.all(raws.map((raw) => raw.closed))
    gate.resolve()
    gate = Promise.withResolvers()
    waiting = 0
  }
  await Promise.all(raws.map((raw) => raw.closed))
  await until(`no connection is left (${way})`, () => sser.connections === 0)
}

async function open(way: string, stream: string): Promise<RawClient> {
  if (way === 'idle' || way === 'pending') return greeted(url, stream)
  if (way === 'front') return greeted(`${url}/front`, stream)
  if (way === 'stalled') {
    const raw = await greeted(url, 'stalled')
    raw.socket.pause()
    return raw
  }
  if (way === 'early') {
    const raw = await RawClient.events(`${url}/early`, [stream])
    return raw
  }
  if (way === 'late') {
    const raw = await RawClient.events(`${url}/late`, [stream])
    await raw.holds('the late error', (text) => /^HTTP\/1\.1 500 /.test(text))
    return raw
  }
  const raw = await RawClient.open(url)
  raw.socket.write(`HEAD /events?stream=head HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`)
  await raw.holds('the head', (text) => /text\/event-stream[\s\S]*\r\n\r\n$/.test(text))
  return raw
}

async function greeted(base: string, stream: string): Promise<RawClient> {
  const raw = await RawClient.events(base, [stream])
  await raw.holds('a greeting', (text) => text.includes('sser-position'))
  return raw
}

async function measure() {
  const { heap, instances } = await memory()
  return {
    connections: sser.connections,
    streams: [...(hub?.registry.streams ?? [])].length,
    timers: clock.timers,
    resources: resources(),
    instances,
    heap,
  }
}

async function memory(): Promise<{ heap: number; instances: number }> {
  if (isBun) {
    const { heapStats } = await import('bun:jsc')
    for (let i = 0; i < 3; i += 1) {
      Bun.gc(true)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    const { heapSize, objectTypeCounts } = heapStats()
    return { heap: heapSize, instances: objectTypeCounts.ReadableStream ?? 0 }
  }
  const { queryObjects } = await import('node:v8')
  for (let i = 0; i < 3; i += 1) {
    globalThis.gc?.()
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  // Counting collects more thoroughly than the collector: weigh after it.
  const instances = Number(queryObjects(Connection))
  return { heap: process.memoryUsage().heapUsed, instances }
}

function listeners(): number {
  return process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0)
}
