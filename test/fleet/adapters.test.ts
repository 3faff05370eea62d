import type { ChildProcess } from 'node:child_process'
import { networkInterfaces } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import {
  acquainted,
  endPods,
  type PodOptions,
  PodProcess,
  type Runtime,
  runScript,
} from '../support/pod-process.ts'
import { closeClients, RawClient, StreamClient } from '../support/stream-client.ts'
import { until, within } from '../support/until.ts'
import { TcpServer } from './proxy.ts'

const SCRIPT = fileURLToPath(new URL('./custom-pod.ts', import.meta.url))
/** Longer than Bun keeps a quiet connection (up to 16 s), unless it is told to. */
const QUIET_MS = 17_000
/** A second, on a busy machine; a client that reads nothing would otherwise keep its socket for 10 s. */
const SOON_MS = 8_000
const hasIPv6 = Object.values(networkInterfaces()).some((list) =>
  list?.some(({ address }) => address === '::1'),
)

const quiets: { pod: PodProcess; quiet: RawClient; since: number }[] = []

beforeAll(async () => {
  for (const [runtime, host] of [
    ['node', '127.0.40.100'],
    ['bun', '127.0.41.100'],
  ] as const) {
    const env = { OPTIONS: JSON.stringify({ heartbeatMs: 60_000 }) }
    const pod = await PodProcess.start({ runtime, host, script: SCRIPT, env })
    const quiet = await RawClient.events(pod.url, ['quiet'])
    await quiet.holds('a greeting', (text) => text.includes('sser-position'))
    quiets.push({ pod, quiet, since: performance.now() })
  }
})

afterAll(async () => {
  closeClients()
  await endPods()
})

describe.each<[Runtime, string]>([
  ['node', '127.0.40.'],
  ['bun', '127.0.41.'],
])('serve() under %s', (runtime, prefix) => {
  let pod: PodProcess
  let hosts = 0

  const start = (options: Partial<PodOptions> & { settings?: object } = {}) => {
    hosts += 1
    const { settings = {}, env, ...rest } = options
    const OPTIONS = JSON.stringify({ drainTimeoutMs: 0, flushTimeoutMs: 0, ...settings })
    return PodProcess.start({
      runtime,
      host: `${prefix}${hosts}`,
      script: SCRIPT,
      ...rest,
      env: { OPTIONS, ...env },
    })
  }
  const hasConnections = (of: PodProcess, count: number) =>
    until(`${of} has ${count} connections`, async () => (await of.state()).connections === count)

  beforeAll(async () => {
    pod = await start()
  })

  test('picks free ports for port 0, and reports them', async () => {
    const free = await start({ port: 0, internalPort: 0 })
    const [, port, internal] = /:(\d+) internally (\d+)/.exec(free.stdout) ?? []
    expect(Number(port)).toBeGreaterThan(1_024)
    expect(Number(internal)).toBeGreaterThan(1_024)
    expect(internal).not.toBe(port)
    expect((await fetch(`http://${free.options.host}:${internal}/api/json/v1/send`)).status).toBe(404)
    expect((await free.send('a', 'b')).peers).toHaveLength(0)
    expect(await free.kill('SIGTERM')).toBe(0)
  })

  test.each([
    ['public', { port: 8110, internalPort: 0 }, 8110],
    ['internal', { port: 0, internalPort: 7110 }, 7110],
  ])('names a %s port that is in use, and ends the process', async (_, ports, taken) => {
    const failed = start({ host: pod.options.host, ...ports })
    await expect(failed).rejects.toThrow(`Port ${taken} is in use`)
    await expect(failed).rejects.toThrow('port-in-use')
  })

  test('answers probes on the internal port, and reports the drain while it lasts', async () => {
    const leaving = await start({ settings: { drainTimeoutMs: 5_000, flushTimeoutMs: 5_000 } })
    const probe = async () => {
      const response = await fetch(`http://${leaving.options.host}:7110/readyz`)
      return [response.status, await response.json()]
    }
    expect(await probe()).toEqual([200, { ready: true, state: 'ready' }])
    expect((await fetch(`${leaving.url}/readyz`)).status).toBe(404)
    const raws = await Promise.all(Array.from({ length: 15 }, () => RawClient.events(leaving.url, ['drain'])))
    for (const raw of raws) await raw.holds('a greeting', (text) => text.includes('sser-position'))
    leaving.signal('SIGTERM')
    await until('the Pod drains', async () => (await probe())[0] === 503)
    expect((await probe())[1]).toMatchObject({ ready: false, state: 'draining' })
    await leaving.send('drain', 'still here')
    await until('all connections end', () => raws.every(({ isClosed }) => isClosed))
    const heard = raws.filter(({ text }) => text.includes('data: still here\n')).length
    expect(heard).toBeGreaterThan(0)
    expect(heard).toBeLessThan(15)
    expect(await leaving.ended).toBe(0)
  })

  test.each([
    ['hangs', true],
    ['is not there', false],
  ])('stops on a signal during start, while its peer %s', async (_, isThere) => {
    const host = `${prefix}90`
    const hung = await TcpServer.listen(`${prefix}91`, 7110, () => {})
    if (!isThere) await hung.cut()
    let child: ChildProcess | undefined
    // Longer than any wait here, because a slow machine must see the state between.
    const settings = { initialSyncTimeoutMs: 600_000 }
    const starting = start({ host, settings, peers: [hung.host], onSpawn: (spawned) => (child = spawned) })
    const outcome = starting.then(String, String)
    onTestFinished(async () => {
      child?.kill('SIGKILL')
      await Promise.all([outcome, hung.cut()])
    })
    const probe = () => fetch(`http://${host}:7110/readyz`).then((response) => response.json())
    await until('it fetches the log', async () => (await probe().catch(() => {}))?.state === 'fetching-log')
    child?.kill('SIGTERM')
    expect(await within('it ends', outcome)).toContain('This instance was stopped')
  })

  test('keeps the process alive until start() and stop() settle, without a port', async () => {
    const script = new URL('./alone.ts', import.meta.url)
    const { stdout } = await runScript(runtime, script, { env: { PEER: `${prefix}99` } })
    expect(stdout).toBe('ready\nstopped\n')
  })

  test('sends requests between Pods past any proxy', async () => {
    const proxy = await TcpServer.listen(`${prefix}98`, 3128, (socket) => socket.destroy())
    onTestFinished(() => proxy.cut())
    const url = `http://${proxy.host}`
    const env = { HTTP_PROXY: url, http_proxy: url, OPTIONS: '{}' }
    const hosts = [`${prefix}96`, `${prefix}97`]
    const peers = hosts.map((host) => `${host}:7110`)
    await acquainted(await Promise.all(hosts.map((host) => start({ host, peers, env }))))
    expect(proxy.accepted).toBe(0)
  })

  test('sends headers and a preamble before any event', async () => {
    const raw = await RawClient.events(pod.url, ['greeting'])
    const text = await raw.holds('a greeting', (bytes) => bytes.includes('sser-position'))
    expect(text).toMatch(/^HTTP\/1\.1 200 /)
    expect(text).toMatch(/\r\ncontent-type: text\/event-stream; charset=utf-8\r\n/i)
    expect(text).toMatch(/\r\ncache-control: no-cache, no-transform\r\n/i)
    expect(text).toContain('event: sser-position\nretry: 2000\ndata: {"resumed":false}\nid: ')
    raw.socket.destroy()
  })

  test('serves a client that speaks HTTP/1.0', async () => {
    const raw = await RawClient.events(pod.url, ['old'], '1.0')
    await raw.holds('a greeting', (text) => text.includes('sser-position'))
    await pod.send('old', 'to an old client')
    const text = await raw.holds('the event', (bytes) => bytes.includes('data: to an old client\n'))
    expect(text).not.toMatch(/transfer-encoding: chunked/i)
    raw.socket.destroy()
  })

  test('answers HEAD with the headers, and opens no connection', async () => {
    await hasConnections(pod, 0)
    const response = await fetch(`${pod.url}/events?stream=head`, { method: 'HEAD' })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect((await pod.state()).connections).toBe(0)
  })

  test.each(['cors', 'logger', 'compress', 'secureHeaders', 'cors,logger,compress,secureHeaders'])(
    'streams at once with %s in front, and notices disconnects',
    async (FRONT) => {
      const behind = await start({ env: { FRONT } })
      const raw = await RawClient.events(behind.url, ['front'], '1.1')
      await raw.holds('a greeting', (text) => text.includes('sser-position'))
      const client = await StreamClient.open(behind.url, 'front')
      for (const msg of ['one', 'two', 'three']) {
        await behind.send('front', msg)
        await raw.holds(msg, (text) => text.includes(`data: ${msg}\n`))
      }
      await until('the client has all three', () => client.received.length === 3)
      expect(client.messages).toEqual(['one', 'two', 'three'])
      await hasConnections(behind, 2)
      client.close()
      raw.socket.resetAndDestroy()
      await hasConnections(behind, 0)
      expect(behind.stderr).toBe('')
      await behind.kill()
    },
  )

  test('prints nothing on stderr when clients disconnect in any way', async () => {
    const noisy = await start()
    for (const leave of ['destroy', 'resetAndDestroy', 'end'] as const) {
      const raws = await Promise.all(Array.from({ length: 20 }, () => RawClient.events(noisy.url, ['leave'])))
      for (const raw of raws) await raw.holds('a greeting', (text) => text.includes('sser-position'))
      await noisy.send('leave', 'event')
      for (const raw of raws) raw.socket[leave]()
      await hasConnections(noisy, 0)
      await noisy.send('leave', 'to no connection')
    }
    expect(await noisy.kill('SIGTERM')).toBe(0)
    expect(noisy.stderr).toBe('')
  })

  test('ends open and stalled streams soon after stop(), then the process', async () => {
    const stopped = await withStalled(start())
    const ends = [...stopped.raws, ...stopped.stalled]
    await fetch(`${stopped.pod.url}/stop`, { method: 'POST' })
    expect(await stopped.pod.ended).toBe(0)
    const [, ms] = /stopped after (\d+) ms/.exec(stopped.pod.stdout) ?? []
    expect(Number(ms)).toBeLessThan(SOON_MS)
    for (const raw of stopped.stalled) raw.socket.resume()
    await Promise.all(ends.map((raw) => raw.closed))
    // An orderly end, not a cut: the last chunk is empty.
    for (const { text } of stopped.raws) expect(text).toMatch(/\r\n0\r\n\r\n$/)
    expect(stopped.pod.stderr).toBe('')
  })

  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s ends the process with open and stalled streams',
    async (signal) => {
      const stopped = await withStalled(start())
      expect(await within('it ends soon', stopped.pod.kill(signal), SOON_MS)).toBe(0)
      expect(stopped.pod.stderr).toBe('')
    },
  )

  test.skipIf(!hasIPv6)('serves and reaches peers over IPv6 (needs ::1)', async () => {
    const ports = runtime === 'node' ? [8141, 7141, 8142, 7142] : [8143, 7143, 8144, 7144]
    const [a = 0, aInternal = 0, b = 0, bInternal = 0] = ports
    const one = await start({ host: '::1', port: a, internalPort: aInternal, peers: [`[::1]:${bInternal}`] })
    const two = await start({ host: '::1', port: b, internalPort: bInternal, peers: [`[::1]:${aInternal}`] })
    await acquainted([one, two])
    const client = await StreamClient.open(two.url, 'six')
    const { peers } = await one.send('six', 'over IPv6')
    expect(peers).toEqual([{ peer: `[::1]:${bInternal}`, status: 'delivered' }])
    await until('the event is there', () => client.messages.includes('over IPv6'))
  })

  async function withStalled(
    starting: Promise<PodProcess>,
  ): Promise<{ pod: PodProcess; raws: RawClient[]; stalled: RawClient[] }> {
    const pod = await starting
    const open = async () => {
      const raw = await RawClient.events(pod.url, ['flood'])
      await raw.holds('a greeting', (text) => text.includes('sser-position'))
      return raw
    }
    const raws = await Promise.all([open(), open()])
    const stalled = await Promise.all([open(), open()])
    for (const raw of stalled) raw.socket.pause()
    // More than the kernel buffers for a connection: 4 MB.
    for (let i = 0; i < 150; i += 1) await pod.send('flood', `${i} ${'x'.repeat(48_000)}`)
    for (const raw of raws) await raw.holds('the last event', (text) => text.includes('data: 149 '))
    return { pod, raws, stalled }
  }
})

test('a stream stays open beyond the idle timeout of the runtime', async () => {
  expect(quiets).toHaveLength(2)
  for (const { pod, quiet, since } of quiets) {
    await pause(Math.max(0, QUIET_MS - (performance.now() - since)))
    expect(quiet.isClosed).toBe(false)
    await pod.send('quiet', 'after the silence')
    await quiet.holds('the event', (text) => text.includes('data: after the silence\n'))
  }
})
