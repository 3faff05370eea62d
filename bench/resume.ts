// npm run bench:resume: cost of a resume, between real processes on loopback. Absolute times depend on the
// machine: each figure is the median of several, beside a control that was measured in turn with it.
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { plainMessage, seededRandom } from '../test/support/messages.ts'
import { endPods, PodProcess, type Runtime } from '../test/support/pod-process.ts'

const ROUNDS = 7
const MEBIBYTE = 1_048_576
const random = seededRandom(1)

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number
}

/** Medians of two measures, taken in turn. */
async function inTurn(measure: () => Promise<number>, control: () => Promise<number>) {
  const pairs: [number, number][] = []
  for (let i = 0; i < ROUNDS; i += 1) pairs.push([await measure(), await control()])
  return { ms: median(pairs.map(([ms]) => ms)), controlMs: median(pairs.map(([, ms]) => ms)) }
}

function print(name: string, { ms, controlMs }: { ms: number; controlMs: number }): void {
  console.log(`${name}: ${ms.toFixed(1)} ms; control ${controlMs.toFixed(1)} ms`)
}

async function sendAll(pod: PodProcess, messages: readonly string[]): Promise<void> {
  for (let i = 0; i < messages.length; i += 50) {
    await Promise.all(messages.slice(i, i + 50).map((msg) => pod.send('orders', msg)))
  }
}

/**
 * Time from the start of a Pod's process to its first response, beside a peer with a full log and one with an empty
 * log.
 */
async function start(runtime: Runtime): Promise<void> {
  const full = await PodProcess.start({ runtime, host: '127.0.90.1' })
  const empty = await PodProcess.start({ runtime, host: '127.0.90.2' })
  await sendAll(
    full,
    Array.from({ length: 18_000 }, () => plainMessage(random, 1_000)),
  )
  let host = 10
  const startBeside = (peer: PodProcess) => async () => {
    host += 1
    const from = performance.now()
    const pod = await PodProcess.start({
      runtime,
      host: `127.0.90.${host}`,
      peers: [`${peer.options.host}:7110`],
    })
    const ms = performance.now() - from
    await pod.kill()
    return ms
  }
  print(
    `${runtime}: start beside a full log of 16 MiB, control an empty one`,
    await inTurn(startBeside(full), startBeside(empty)),
  )
  await endPods()
}

/** Sends one request, and reads until `last` has arrived. */
function read(url: URL, last: string): Promise<{ ms: number; bytes: number }> {
  return new Promise((resolve, reject) => {
    const from = performance.now()
    const socket = connect(Number(url.port), url.hostname)
    let bytes = 0
    let tail = ''
    socket.on('error', reject).on('data', (chunk: Buffer) => {
      bytes += chunk.byteLength
      tail = (tail + chunk.toString('latin1')).slice(-2_000)
      if (!tail.includes(last)) return
      socket.destroy()
      resolve({ ms: performance.now() - from, bytes })
    })
    socket.write(`GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`)
  })
}

/**
 * Time to replay 10,000 events of 100 bytes to a returning client, beside the same bytes in one response of
 * `node:http`.
 */
async function replay(runtime: Runtime): Promise<void> {
  const pod = await PodProcess.start({ runtime, host: '127.0.91.1' })
  const { id } = await pod.send('orders', 'the last that the client had')
  await sendAll(
    pod,
    Array.from({ length: 10_000 }, () => plainMessage(random, 100)),
  )
  await pod.send('orders', 'the very last')
  const url = new URL(`${pod.url}/events?stream=orders&lastEventId=${id}`)
  const { bytes } = await read(url, 'the very last')
  const body = Buffer.concat([Buffer.alloc(bytes - 13, 'x'), Buffer.from('the very last')])
  const server = createServer((_, response) => response.end(body))
  await new Promise<void>((resolve) => server.listen(0, '127.0.91.2', resolve))
  const plain = new URL(`http://127.0.91.2:${(server.address() as AddressInfo).port}/`)
  const timed = (at: URL) => async () => (await read(at, 'the very last')).ms
  print(
    `${runtime}: replay of 10,000 events (${(bytes / MEBIBYTE).toFixed(1)} MiB), control the same bytes from node:http`,
    await inTurn(timed(url), timed(plain)),
  )
  server.close()
  await endPods()
}

for (const runtime of ['node', 'bun'] as const) {
  await start(runtime)
  await replay(runtime)
}
