import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { endPods, PodProcess, type Runtime } from '../support/pod-process.ts'
import { RawClient } from '../support/stream-client.ts'
import { within } from '../support/until.ts'

const SCRIPT = fileURLToPath(new URL('./custom-pod.ts', import.meta.url))
const PLAIN = fileURLToPath(new URL('./plain-bun.ts', import.meta.url))
/** Longer than Bun keeps a quiet connection (up to 16 s), unless it is told to. */
const QUIET_MS = 17_000

let plain: PodProcess
let quiet: { raws: RawClient[]; since: number; pod: PodProcess }

beforeAll(async () => {
  plain = await PodProcess.start({ runtime: 'bun', host: '127.0.47.1', script: PLAIN })
  const pod = await start('bun', '127.0.47.2')
  const raws = [await ask(pod.url, 'POST /held', 'x'), await ask(pod.url, 'GET /state')]
  for (const url of plainUrls().slice(0, 3)) raws.push(await ask(url, 'GET /events?stream=a'))
  for (const raw of raws.slice(1)) await raw.holds('an answer', (text) => text.includes('\r\n\r\n'))
  quiet = { raws, since: performance.now(), pod }
})

afterAll(endPods)

describe.each<[string, Runtime, string, object]>([
  ['node', 'node', '127.0.45.1', {}],
  ['node without the fast path', 'node', '127.0.45.2', { fastPath: false }],
  ['bun', 'bun', '127.0.46.1', {}],
])('the ports under %s', (_, runtime, host, way) => {
  let pod: PodProcess

  beforeAll(async () => {
    const serverOptions = runtime === 'bun' ? { maxRequestBodySize: 10 } : { maxHeaderSize: 2_048 }
    pod = await start(runtime, host, { ...way, serverOptions })
  })

  test.each([
    ['the internal port', 7110, '/readyz'],
    ['the internal port', 7110, '/livez'],
    ['the internal port', 7110, '/metrics'],
    ['the internal port', 7110, '/debug/sser'],
    ['the public port', 8110, '/state'],
    ['the public port', 8110, '/events?stream=a'],
  ])('%s (%i) answers HTTP/1.0 without a Host: %s', async (_port, port, path) => {
    const raw = await RawClient.open(`http://${host}:${port}`)
    raw.socket.write(`GET ${path} HTTP/1.0\r\n\r\n`)
    const text = await raw.holds('a head', (bytes) => bytes.includes('\r\n\r\n'))
    expect(text).toMatch(/^HTTP\/1\.[01] 200 /)
    raw.socket.destroy()
  })

  test.each([
    ['HTTP/1.1 without a Host', 'HTTP/1.1\r\n\r\n'],
    ['a Host that is none', 'HTTP/1.1\r\nHost: %\r\n\r\n'],
    ['a Host that is none, over HTTP/1.0', 'HTTP/1.0\r\nHost: %\r\n\r\n'],
  ])('reject %s on both ports', async (_name, rest) => {
    for (const port of [7110, 8110]) {
      const raw = await RawClient.open(`http://${host}:${port}`)
      raw.socket.write(`GET /readyz ${rest}`)
      expect(await raw.holds('an answer', (text) => text.includes('\r\n\r\n'))).toMatch(/^HTTP\/1\.1 400 /)
      raw.socket.destroy()
    }
  })

  test('accept the options of the runtime’s server on the public port', async () => {
    const asked =
      runtime === 'bun'
        ? fetch(`${pod.url}/send?stream=a`, { method: 'POST', body: 'eleven byte' })
        : fetch(`${pod.url}/state`, { headers: { 'x-long': 'x'.repeat(2_048) } })
    expect((await asked).status).toBe(runtime === 'bun' ? 413 : 431)
  })

  test.skipIf(runtime === 'bun')('idle connections are kept for 620 s', async () => {
    expect((await fetch(`${pod.url}/state`)).headers.get('keep-alive')).toBe('timeout=620')
  })
})

describe('the handler on Bun.serve()', () => {
  test.each([
    ['an invalid Host with 400', 'HTTP/1.1\r\nHost: %', 400],
    ['HTTP/1.0 without a Host', 'HTTP/1.0', 200],
  ])('answers %s', async (_, rest, status) => {
    const raw = await RawClient.open(plainUrls()[0] as string)
    raw.socket.write(`GET /events?stream=a ${rest}\r\n\r\n`)
    const text = await raw.holds('a head', (bytes) => bytes.includes('\r\n\r\n'))
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    raw.socket.destroy()
  })

  test('keeps quiet responses, streams and idle connections open beyond Bun’s 10 s', async () => {
    const { raws, pod } = await quietEnough()
    const [held, idle] = raws as [RawClient, RawClient]
    pod.signal('SIGUSR2')
    await held.holds('the answer', (text) => text.startsWith('HTTP/1.1 201 '))
    idle.take()
    write(idle, pod.url, 'GET /state')
    await idle.holds('a second answer', (text) => text.startsWith('HTTP/1.1 200 '))
  })

  test('warns once without the server, and closes connections when it drains', async () => {
    const urls = plainUrls()
    const bare = urls.pop() as string
    for (let i = 0; i < 2; i += 1) await ask(bare, 'GET /events?stream=a')
    const raws = await Promise.all(urls.map((url) => ask(url, 'GET /events?stream=a')))
    for (const raw of raws) await raw.holds('a greeting', (text) => text.includes('sser-position'))
    for (const raw of raws) expect(raw.text).toMatch(/\r\nconnection: close\r\n/i)
    plain.signal('SIGUSR2')
    await within('all are closed', Promise.all(raws.map(({ closed }) => closed)))
    const late = await ask(bare, 'GET /events?stream=a')
    await within('it is closed', late.closed)
    expect(late.text).toMatch(/^HTTP\/1\.1 200 /)
    await plain.kill('SIGTERM')
    const warnings: string[] = JSON.parse(/warnings (.*)/.exec(plain.stdout)?.[1] ?? '')
    expect(warnings.filter((text) => text.includes("not handed Bun's server"))).toHaveLength(1)
  })
})

function start(runtime: Runtime, host: string, serve: object = {}): Promise<PodProcess> {
  const OPTIONS = JSON.stringify({ drainTimeoutMs: 0, flushTimeoutMs: 0 })
  return PodProcess.start({ runtime, host, script: SCRIPT, env: { OPTIONS, SERVE: JSON.stringify(serve) } })
}

function plainUrls(): string[] {
  return [...plain.stdout.matchAll(/http:\S+/g)].map(([url]) => url)
}

/** Waits until the connections opened before the first test were quiet for longer than Bun's own limit. */
async function quietEnough() {
  await pause(Math.max(0, QUIET_MS - (performance.now() - quiet.since)))
  expect(quiet.raws.map(({ isClosed }) => isClosed)).not.toContain(true)
  return quiet
}

async function ask(url: string, target: string, body = ''): Promise<RawClient> {
  const raw = await RawClient.open(url)
  write(raw, url, target, body)
  return raw
}

function write({ socket }: RawClient, url: string, target: string, body = ''): void {
  const { host } = new URL(url)
  socket.write(`${target} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
}
