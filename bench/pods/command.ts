// Commands that a measured Pod of any kind accepts from its parent process.
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { StreamClient } from './client.ts'
import { STREAM, textOf } from './event.ts'

/**
 * `flood`: send as fast as possible for a time. `pace`: send at a rate, and measure the latency to a client of another Pod. `await`:
 * send each event when the previous one is acknowledged.
 */
export type Command =
  | { do: 'flood'; ms: number; bytes: number }
  | { do: 'pace'; count: number; bytes: number; rate: number; url: string; bareUrl?: string }
  | { do: 'await'; count: number; bytes: number }

export interface Result {
  /** Address for clients, in a Pod's first message. */
  url?: string
  /** Address for a bare POST. */
  bareUrl?: string
  error?: string
  /** Number of events of a flood. */
  count?: number
  /** Latencies from send to client, or to the acknowledgement, in milliseconds, in the order of the events. */
  latencies?: number[]
  /** Latencies of the bare POSTs, from request to response, in milliseconds. */
  bare?: number[]
}

export interface Measured {
  /** Address for clients. */
  url: string
  /** Sends an event; resolves when it is acknowledged. */
  send(stream: string, msg: string): Promise<unknown>
  /** True if only one event can be on its way at a time. */
  isSequential?: boolean
  /** Number of sent events that at least one peer has not acknowledged. */
  lag(): number
}

/** Sends between two turns of the event loop. */
const BURST = 64
/** Maximum lead over a peer, in events. Beyond it the sender waits, because the log must not evict unread events. */
const MAX_LAG = 8_192

/** Listens for commands until the parent process ends. */
export async function obey(pod: Measured): Promise<void> {
  const bare = createServer((request, response) => {
    void answer(request).then((text) => response.end(text))
  })
  await new Promise<void>((resolve) => bare.listen(0, process.env.HOST, resolve))
  bare.unref()
  process.on('message', (command: Command) => {
    run(pod, command).then(
      (result) => process.send?.(result),
      (error: unknown) => process.send?.({ error: `${(error as Error).stack}` }),
    )
  })
  process.once('disconnect', () => process.exit())
  const { port } = bare.address() as AddressInfo
  process.send?.({ url: pod.url, bareUrl: `http://${process.env.HOST}:${port}` } satisfies Result)
}

function run(pod: Measured, command: Command): Promise<Result> {
  if (command.do === 'flood') return flood(pod, command.ms, command.bytes)
  if (command.do === 'await') return sendAwaited(pod, command.count, command.bytes)
  return pace(pod, command)
}

/** Sends without awaiting receipts, and yields to the event loop after each burst. */
async function flood({ send, isSequential, lag }: Measured, ms: number, bytes: number): Promise<Result> {
  const end = performance.now() + ms
  let count = 0
  for (; performance.now() < end; count += 1) {
    const acknowledged = send(STREAM, textOf(count, bytes))
    if (isSequential) await acknowledged
    else if (count % BURST === BURST - 1) {
      do await new Promise((resolve) => setImmediate(resolve))
      while (lag() > MAX_LAG)
    }
  }
  return { count }
}

async function sendAwaited({ send }: Measured, count: number, bytes: number): Promise<Result> {
  const latencies: number[] = []
  for (let i = 0; i < count; i += 1) {
    const start = performance.now()
    await send(STREAM, textOf(i, bytes))
    latencies.push(performance.now() - start)
  }
  return { latencies }
}

async function pace(
  { send }: Measured,
  { count, bytes, rate, url, bareUrl }: Command & { do: 'pace' },
): Promise<Result> {
  const client = await StreamClient.open(url)
  const period = 1_000 / rate
  const sentAt: number[] = []
  const bare: number[] = []
  const start = performance.now() + 20
  let pending = 0
  for (let i = 0; i < count; i += 1) {
    await due(start + i * period)
    sentAt.push(performance.now())
    void send(STREAM, textOf(i, bytes))
    if (bareUrl === undefined) continue
    // Half a period later, so that the POST and the send do not overlap.
    await due(start + (i + 0.5) * period)
    pending += 1
    void post(bareUrl, textOf(i, bytes)).then((ms) => {
      bare.push(ms)
      pending -= 1
    })
  }
  await client.sees(textOf(count - 1, bytes), 5_000)
  while (pending > 0) await due(performance.now() + 5)
  client.close()
  const latencies = client.arrivals(count, bytes).map((at, i) => at - (sentAt[i] as number))
  return { latencies, bare }
}

async function due(at: number): Promise<void> {
  const ms = at - performance.now()
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms))
}

async function post(url: string, body: string): Promise<number> {
  const start = performance.now()
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(url, { method: 'POST', headers, body })
  await response.text()
  return performance.now() - start
}

/** Reads the body and echoes it, because that is about as short as the response of sser to an append. */
async function answer(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += chunk
  return text
}
