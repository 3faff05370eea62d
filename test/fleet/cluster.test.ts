import cluster from 'node:cluster'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { stopped } from '../../src/errors.ts'
import { NodeListener } from '../../src/runtime/node/listener.ts'
import { linkedExample, removeExamples } from '../support/linked-example.ts'
import { endPods, PodProcess, runScript } from '../support/pod-process.ts'
import { closeClients, StreamClient } from '../support/stream-client.ts'
import { until } from '../support/until.ts'

let script = ''

beforeAll(async () => {
  script = await linkedExample('cluster.ts')
})

afterAll(removeExamples)

afterEach(async () => {
  closeClients()
  await endPods()
})

/** The process of the primary; its workers say on its output when they listen, and with which pid. */
async function startWorkers(host: string, internalPort: number): Promise<PodProcess> {
  const primary = await PodProcess.start({ runtime: 'node', host, internalPort, script })
  await until('three workers listen', () => pids(primary).length === 3)
  return primary
}

function pids({ stdout }: PodProcess): number[] {
  return Array.from(stdout.matchAll(/worker \d \(pid (\d+)\) listening/g), ([, pid]) => Number(pid))
}

async function sendOnEach(primary: PodProcess, from: number): Promise<string[]> {
  const sent: string[] = []
  // Connections are spread over the workers one after another.
  for (let i = from; i < from + 12; i += 1) {
    const response = await fetch(`${primary.url}/send?stream=a`, {
      method: 'POST',
      body: `event ${i}`,
      headers: { connection: 'close' },
    })
    const { peers } = (await response.json()) as { peers: { status: string }[] }
    expect(peers.map(({ status }) => status)).toEqual(['delivered', 'delivered'])
    sent.push(`event ${i}`)
  }
  return sent
}

test('workers of node:cluster bring each event to the clients of all workers once', async () => {
  const primary = await startWorkers('127.0.66.1', 7_660)
  const url = primary.url
  await until('the workers know each other', async () => {
    const answers = await Promise.all(
      [1, 2, 3, 4, 5, 6].map(async () => {
        const response = await fetch(`${url}/send?stream=none`, {
          method: 'POST',
          body: 'x',
          headers: { connection: 'close' },
        })
        return (await response.json()) as { peers: { status: string }[] }
      }),
    )
    return answers.every(
      ({ peers }) => peers.length === 2 && peers.every((peer) => peer.status === 'delivered'),
    )
  })
  const clients = await Promise.all(Array.from({ length: 9 }, () => StreamClient.open(url, 'a')))
  const sent = await sendOnEach(primary, 0)
  for (const client of clients) {
    await until('the client has all', () => client.messages.length >= sent.length)
    expect(client.messages.toSorted()).toEqual(sent.toSorted())
  }
  // The worker that is forked in the place of a killed one takes its port, and the clients resume.
  process.kill(pids(primary)[0] as number, 'SIGKILL')
  await until('another worker listens', () => pids(primary).length === 4)
  await until('the new worker is a peer of the others', async () =>
    (await primary.send('none', 'x')).peers.every(({ status }) => status === 'delivered'),
  )
  const later = await sendOnEach(primary, 12).catch(() => sendOnEach(primary, 24))
  for (const client of clients) {
    await until('the client has the last', () => client.messages.includes(later.at(-1) as string))
    expect(new Set(client.messages).size).toBe(client.messages.length)
    expect(client.gaps).toEqual([])
  }
})

test('a worker binds its internal port only after its predecessor has stopped', async () => {
  const url = new URL('shared-internal-port.ts', import.meta.url)
  const { stdout } = await runScript('node', url, { args: [] })
  const lines = stdout.trim().split('\n')
  expect(lines.filter((line) => line !== 'the first exits')).toEqual([
    'the first serves',
    'the second waits',
    'the second serves',
  ])
})

describe('a worker whose internal port is in use', () => {
  const { isWorker } = cluster
  const other = createServer()
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  const bind = (signal: AbortSignal, waitMs: number) =>
    NodeListener.bind(createServer(), 7_669, '127.0.66.8', { signal, waitMs })

  beforeAll(async () => {
    await once(other.listen(7_669, '127.0.66.8'), 'listening')
    Object.assign(cluster, { isWorker: true })
  })

  afterEach(() => void warn.mockClear())

  afterAll(() => {
    Object.assign(cluster, { isWorker })
    warn.mockRestore()
    other.close()
  })

  test('reports the fix if it stays so', async () => {
    const binding = bind(new AbortController().signal, 1_000)
    await expect(binding).rejects.toThrow(
      /^Port 7669 is in use on 127\.0\.66\.8; give each worker .* WorkerPeerFinder$/,
    )
    await expect(binding).rejects.toHaveProperty('code', 'port-in-use')
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('internal port 7669 is in use'))
  })

  test('stops waiting for it when the Pod is stopped', async () => {
    const controller = new AbortController()
    const binding = bind(controller.signal, 60_000)
    await vi.waitFor(() => expect(warn).toHaveBeenCalled())
    controller.abort(stopped())
    await expect(binding).rejects.toHaveProperty('code', 'stopped')
  })
})
