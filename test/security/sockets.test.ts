import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { endPods, PodProcess } from '../support/pod-process.ts'
import { RawClient } from '../support/stream-client.ts'
import { until, within } from '../support/until.ts'

const script = fileURLToPath(new URL('./ending-pod.ts', import.meta.url))
/** Time limits of a head and of closing an ended response, with a margin for timers and a busy machine. */
const CLOSED_MS = 30_000
/** Limit for a connection that is cut: its data need not arrive. */
const CUT_MS = 6_000
/** Connections to itself and to the test, which come and go. */
const SPARE_FILES = 4
const EACH = 6

afterAll(endPods)

/** Of the Pod's process, where the system tells. */
const sockets = ({ process: { pid } }: PodProcess) =>
  existsSync(`/proc/${pid}/fd`) ? readdirSync(`/proc/${pid}/fd`).length : 0

async function ask(pod: PodProcess, line: string): Promise<RawClient> {
  const raw = await RawClient.open(pod.url)
  raw.socket.write(`${line}\r\nHost: x\r\n\r\n`)
  return raw
}

/** Clients that ask in either version of HTTP, and do not read on after their greeting. */
async function stalled(pod: PodProcess): Promise<RawClient[]> {
  const lines = ['/events?stream=a HTTP/1.1', '/events?stream=a HTTP/1.0', '/mounted/?stream=a HTTP/1.1']
  const raws: RawClient[] = []
  for (const line of lines) {
    for (let i = 0; i < EACH; i += 1) {
      const raw = await ask(pod, `GET ${line}`)
      await raw.holds('a greeting', (text) => text.includes('sser-position'))
      raw.socket.pause()
      raws.push(raw)
    }
  }
  // More than the kernel holds for them, in many turns of the event loop.
  for (let i = 0; i < 24; i += 1) await pod.send('a', 'x'.repeat(1_000_000))
  return raws
}

/** Runs `test` with a Pod that has printed nothing in the end. */
async function withPod(
  runtime: 'node' | 'bun',
  host: string,
  env: Record<string, string>,
  test: (pod: PodProcess) => Promise<void>,
): Promise<void> {
  const pod = await PodProcess.start({ runtime, host, script, env })
  try {
    await test(pod)
    expect(pod.stderr).toBe('')
    expect(pod.stdout.trim().split('\n')).toHaveLength(1)
  } finally {
    await pod.kill()
  }
}

describe.concurrent.each([
  ['Node', 'node', 'yes', '127.0.77.1'],
  ['Node without the fast path', 'node', 'no', '127.0.77.2'],
  ['Bun', 'bun', 'yes', '127.0.77.3'],
] as const)('under %s, the sockets of clients', (way, runtime, FAST_PATH, host) => {
  it('are closed without a stream, unless they send further requests', async () => {
    await withPod(runtime, `${host}1`, { FAST_PATH }, async (pod) => {
      const lines = [
        'HEAD /events?stream=a',
        'GET /events?stream=a&fails',
        'GET /events?stream=a&lasts=500',
        'GET /mounted/?stream=a&lasts=500',
        'GET /own',
      ]
      const raws = await Promise.all(
        [...lines, ...lines].map(async (line) => {
          const raw = await ask(pod, `${line} HTTP/1.1`)
          return { line, raw }
        }),
      )
      const lasting = await ask(pod, 'GET /events?stream=b HTTP/1.1')
      for (const { raw } of raws) await raw.holds('an answer', (text) => text.startsWith('HTTP/1.1 200'))
      await until('the streams are over', async () => (await pod.state()).connections === 1)
      // Some are in the middle of their next head.
      for (const { raw } of raws.slice(lines.length)) raw.socket.write('GET /ev')
      for (const { line, raw } of raws) await within(`${line} is closed`, raw.closed, CLOSED_MS)
      expect(lasting.isClosed).toBe(false)
      lasting.socket.destroy()
    })
  })

  it('are closed some time after their streams end if they do not read', async () => {
    await withPod(runtime, `${host}2`, { FAST_PATH }, async (pod) => {
      const before = sockets(pod)
      const raws = await stalled(pod)
      await fetch(`${pod.url}/disconnect`, { method: 'POST' })
      expect((await pod.state()).connections).toBe(0)
      // Even if they send bytes: the fast path reads these, while Node's HTTP would reject them. Bun has no such limit.
      const drip = setInterval(() => {
        if (way === 'Node') for (const { socket } of raws) if (!socket.destroyed) socket.write('G')
      }, 500)
      try {
        await until('they are closed', () => sockets(pod) <= before + SPARE_FILES, CLOSED_MS)
      } finally {
        clearInterval(drip)
      }
      for (const { socket } of raws) socket.destroy()
    })
  })

  it('are closed if they do not read for too long', async () => {
    const SETTINGS = JSON.stringify({ heartbeatMs: 1_000, slowClientTimeoutMs: 1_000 })
    await withPod(runtime, `${host}3`, { FAST_PATH, SETTINGS }, async (pod) => {
      const before = sockets(pod)
      const raws = await stalled(pod)
      await until('they are cut', async () => (await pod.state()).connections === 0)
      await until('they are closed', () => sockets(pod) <= before + SPARE_FILES, CUT_MS)
      for (const { socket } of raws) socket.destroy()
    })
  })
})
