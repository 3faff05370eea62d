import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { endPods, PodProcess, type Runtime } from '../support/pod-process.ts'
import { RawClient } from '../support/stream-client.ts'
import { until, within } from '../support/until.ts'

const SCRIPT = fileURLToPath(new URL('./custom-pod.ts', import.meta.url))

interface SserOptions {
  /** Of the `Sser`. */
  options?: object
  /** Of `serve()`. */
  serve?: object
  env?: Readonly<Record<string, string>>
}

afterEach(endPods)

describe.each<[string, Runtime, string, object]>([
  ['node', 'node', '127.0.42.', {}],
  ['node without the fast path', 'node', '127.0.43.', { fastPath: false }],
  ['bun', 'bun', '127.0.44.', {}],
])('a stop under %s', (_, runtime, prefix, way) => {
  let hosts = 0

  async function start({ options, serve, env }: SserOptions = {}): Promise<PodProcess> {
    hosts += 1
    return PodProcess.start({
      runtime,
      host: `${prefix}${hosts}`,
      script: SCRIPT,
      env: {
        OPTIONS: JSON.stringify({ drainTimeoutMs: 0, flushTimeoutMs: 0, ...options }),
        SERVE: JSON.stringify({ ...way, ...serve }),
        ...env,
      },
    })
  }

  test('lets requests in flight finish, with a working send()', async () => {
    const pod = await start()
    const post = await request(pod, 'POST /held', 'two coffees')
    const stream = await request(pod, 'GET /held-stream')
    await stream.holds('the first message', (text) => text.includes('data: first\n\n'))
    const listener = await listen(pod)
    pod.signal('SIGTERM')
    await until('the public port is closed', () => isClosed(pod))
    await within('the event stream ends', listener.closed)
    expect([post.isClosed, stream.isClosed]).toEqual([false, false])
    pod.signal('SIGUSR2')
    await within('both are closed', Promise.all([post.closed, stream.closed]))
    expect(post.text).toMatch(/^HTTP\/1\.1 201 /)
    expect(post.text).toMatch(/\r\nconnection: close\r\n/i)
    expect(post.text).toContain('"peers":')
    expect(stream.text).toMatch(/data: last\n\n\r\n0\r\n\r\n$/)
    expect(await pod.ended).toBe(0)
    expect(pod.stderr).toBe('')
  })

  test('cuts requests that take longer than requestDrainTimeoutMs', async () => {
    const pod = await start({ serve: { requestDrainTimeoutMs: 200 } })
    const post = await request(pod, 'POST /held', 'two coffees')
    expect(await within('it ends before the default', pod.kill('SIGTERM'), 8_000)).toBe(0)
    await post.closed
    expect(post.text).toBe('')
  })

  test('does not wait for connections without a request', async () => {
    const pod = await start({ serve: { requestDrainTimeoutMs: 60_000 } })
    const idle = await request(pod, 'GET /state')
    await idle.holds('an answer', (text) => text.includes('"connections":'))
    await RawClient.open(pod.url)
    const listener = await listen(pod)
    expect(await pod.kill('SIGTERM')).toBe(0)
    await within('both are closed', Promise.all([idle.closed, listener.closed]))
  })

  test('closes a connection with each response while it drains', async () => {
    const pod = await start({ options: { drainTimeoutMs: 60_000 } })
    const listeners = await Promise.all(Array.from({ length: 3 }, () => listen(pod)))
    const [state, events] = await Promise.all([request(pod, 'GET /state'), request(pod, 'GET /state')])
    for (const raw of [state, events]) await raw.holds('an answer', (text) => text.endsWith('}'))
    expect(state.text).not.toMatch(/\r\nconnection: close\r\n/i)
    pod.signal('SIGTERM')
    await until('a stream has ended', () => listeners.some(({ isClosed: ended }) => ended))
    expect(listeners.some(({ isClosed: ended }) => !ended)).toBe(true)
    for (const raw of [state, events]) raw.take()
    ask(state, pod, 'GET /state')
    ask(events, pod, 'GET /events?stream=a')
    await within('both are closed', Promise.all([state.closed, events.closed]))
    for (const raw of [state, events]) {
      expect(raw.text).toMatch(/^HTTP\/1\.1 200 /)
      expect(raw.text).toMatch(/\r\nconnection: close\r\n/i)
    }
    expect(events.text).toContain('retry: ')
  })

  test('answers a request on an idle connection for a second after SIGTERM, and closes it with the answer', async () => {
    const pod = await start()
    const idle = await request(pod, 'GET /state')
    await idle.holds('an answer', (text) => text.endsWith('}'))
    idle.take()
    const listener = await listen(pod)
    pod.signal('SIGTERM')
    await within('the event stream ends', listener.closed)
    ask(idle, pod, 'GET /state')
    await within('it is closed', idle.closed)
    expect(idle.text).toMatch(/^HTTP\/1\.1 200 /)
    expect(idle.text).toMatch(/\r\nconnection: close\r\n/i)
    expect(await within('the process ends', pod.ended)).toBe(0)
  })

  test('takes SIGTERMs within a second for one', async () => {
    const pod = await start({ options: { drainTimeoutMs: 1_000 }, env: { AFTER_STOP: 'held' } })
    const listeners = await Promise.all(Array.from({ length: 15 }, () => listen(pod)))
    pod.signal('SIGTERM')
    await until('a stream has ended', () => listeners.some(({ isClosed: ended }) => ended))
    pod.signal('SIGTERM')
    await within('all streams end', Promise.all(listeners.map(({ closed }) => closed)))
    for (const { text } of listeners) expect(text).toMatch(/\r\n0\r\n\r\n$/)
    await until('it has stopped', () => pod.stdout.includes('stopped'))
    pod.signal('SIGUSR2')
    expect(await within('the process ends', pod.ended)).toBe(0)
  })

  test('is cut short by a second signal, and reports that', async () => {
    const pod = await start()
    await request(pod, 'POST /held', 'two coffees')
    pod.signal('SIGINT')
    await until('the public port is closed', () => isClosed(pod))
    let code: unknown
    void pod.ended.then((how) => (code = how))
    await until('the process ends', () => {
      if (code === undefined) pod.signal('SIGINT')
      return code !== undefined
    })
    expect(code).toBe(130)
    expect(pod.stderr).toContain('a second signal, SIGINT: the process ends at once')
  })
})

/** Sends a request on a connection of its own; resolves when the Pod has read it. */
async function request(pod: PodProcess, target: string, body = ''): Promise<RawClient> {
  const raw = await RawClient.open(pod.url)
  ask(raw, pod, target, body)
  // The Pod reads this later request after it.
  await pod.state()
  return raw
}

function ask({ socket }: RawClient, pod: PodProcess, target: string, body = ''): void {
  const { host } = new URL(pod.url)
  socket.write(`${target} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
}

async function listen(pod: PodProcess): Promise<RawClient> {
  const raw = await RawClient.events(pod.url, ['a'])
  await raw.holds('a greeting', (text) => text.includes('sser-position'))
  return raw
}

function isClosed(pod: PodProcess): Promise<boolean> {
  const { hostname, port } = new URL(pod.url)
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port) })
    socket.once('connect', () => resolve(false)).once('error', () => resolve(true))
    socket.on('connect', () => socket.destroy())
  })
}
