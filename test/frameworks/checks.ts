import { beforeAll, expect, test } from 'vitest'
import { acquainted, PodProcess, type Runtime } from '../support/pod-process.ts'
import { RawClient } from '../support/stream-client.ts'
import { until, within } from '../support/until.ts'

/** Each app admits as many connections from one address. */
const MAX_PER_ADDRESS = 20

export interface Framework {
  name: string
  runtime: Runtime
  /** First three parts of the addresses of its Pods and clients, with the dot. */
  prefix: string
  /** Path of the events endpoint. Default: `/events`. */
  path?: string
  /** Whether the app knows the addresses of its clients. */
  knowsAddresses?: boolean
  /** Whether events are written directly to the sockets. */
  isFast?: boolean
  /** False if something of the framework keeps its process alive, so that sser ends it. */
  endsByItself?: boolean
  env?: Readonly<Record<string, string>>
}

/** Two Pods of one app, and the tests that each framework must pass. The last one stops a Pod. */
export function checkFramework(framework: Framework, script: () => string): void {
  const {
    runtime,
    prefix,
    path = '/events',
    knowsAddresses = true,
    isFast = false,
    endsByItself = true,
    env = {},
  } = framework
  const hosts = [`${prefix}1`, `${prefix}2`]
  const peers = hosts.map((host) => `${host}:7110`)
  let pods: PodProcess[] = []

  const connect = async (pod: PodProcess, stream: string, from?: string) => {
    const raw = await RawClient.open(pod.url, from)
    raw.socket.write(`GET ${path}?stream=${stream} HTTP/1.1\r\nHost: web\r\n\r\n`)
    return raw
  }
  const listen = async (pod: PodProcess, stream: string, from?: string) => {
    const raw = await connect(pod, stream, from)
    await raw.holds('a greeting', (text) => text.includes('sser-position'))
    return raw
  }

  beforeAll(async () => {
    const start = (host: string) => PodProcess.start({ runtime, host, peers, script: script(), env })
    pods = await Promise.all(hosts.map(start))
    await acquainted(pods)
  })

  test('delivers an event to the clients of each Pod', async () => {
    const clients = await Promise.all(pods.map((pod) => listen(pod, 'orders')))
    for (const [i, pod] of pods.entries()) {
      const { connections } = await pod.send('orders', `from Pod ${i}`)
      expect(connections).toBe(1)
      for (const client of clients)
        await client.holds('the event', (text) => text.includes(`data: from Pod ${i}\n`))
    }
    for (const client of clients) {
      expect(client.text).toMatch(/^HTTP\/1\.1 200 /)
      // Node's HTTP capitalizes the header.
      if (runtime === 'node') expect(/\r\ntransfer-encoding: chunked\r\n/.test(client.text)).toBe(isFast)
      client.socket.destroy()
    }
  })

  test('notices at once that a client has left', async () => {
    const [pod] = pods as [PodProcess]
    const client = await listen(pod, 'left')
    expect((await pod.send('left', 'x')).connections).toBe(1)
    client.socket.destroy()
    await until('it has gone', async () => (await pod.send('left', 'x')).connections === 0)
  })

  test.runIf(knowsAddresses)('limits the connections of one address, and of no other', async () => {
    const [pod] = pods as [PodProcess]
    const [one, other] = [`${prefix}8`, `${prefix}9`]
    const clients: RawClient[] = []
    for (let i = 0; i < MAX_PER_ADDRESS; i += 1) clients.push(await listen(pod, 'crowd', one))
    const refused = await connect(pod, 'crowd', one)
    const text = await refused.holds('an answer', (received) => received.includes('\r\n\r\n'))
    expect(text).toMatch(/\r\nsser-error: too-many-connections-from-address\r\n/i)
    clients.push(refused, await listen(pod, 'crowd', other))
    for (const { socket } of clients) socket.destroy()
  })

  test('ends its streams on SIGTERM, exits with 0, and prints no error', async () => {
    const [pod, other] = pods as [PodProcess, PodProcess]
    const clients = await Promise.all([listen(pod, 'last'), listen(pod, 'last')])
    pod.signal('SIGTERM')
    // An orderly end, not a cut: the last chunk is empty.
    for (const client of clients)
      await client.holds('the end', (text) => /event: sser-retry\n[\s\S]*\r\n0\r\n\r\n$/.test(text))
    expect(await within('the process ends', pod.ended)).toBe(0)
    expect(pod.stderr).not.toMatch(/error|warn/i)
    expect(pod.stderr.includes('still runs')).toBe(!endsByItself)
    other.signal('SIGTERM')
    expect(await within('the other process ends', other.ended)).toBe(0)
  })
}
