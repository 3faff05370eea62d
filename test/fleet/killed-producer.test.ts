import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { acquainted, endPods, PodProcess, type Runtime, startFleet } from '../support/pod-process.ts'
import { until } from '../support/until.ts'

const SCRIPT = fileURLToPath(new URL('./run-pod.ts', import.meta.url))
const OPTIONS = JSON.stringify({ peerSecret: 'a secret of thirty-two characters', drainTimeoutMs: 200 })

const aborts: AbortController[] = []

afterEach(async () => {
  for (const abort of aborts.splice(0)) abort.abort()
  await endPods()
})

/** Text of the response to a client that reads the run on a Pod. */
class RunClient {
  text = ''
  isOver = false

  constructor(pod: PodProcess, name: string) {
    const abort = new AbortController()
    aborts.push(abort)
    void this.#read(`${pod.url}/events?run=${name}`, abort.signal).catch(() => {})
  }

  async #read(url: string, signal: AbortSignal): Promise<void> {
    const { body } = await fetch(url, { signal })
    const decoder = new TextDecoder()
    for await (const chunk of body as ReadableStream<Uint8Array>) this.text += decoder.decode(chunk)
    this.isOver = true
  }

  /** The chunks, without the events of the protocol. */
  get chunks(): string[] {
    const blocks = this.text.split('\n\n').filter((block) => !block.includes('event:'))
    return blocks.flatMap((block) => /^data: (.*)$/m.exec(block)?.[1] ?? [])
  }
}

test.each<[Runtime[], string]>([
  [['node', 'bun', 'node'], '127.0.199.1'],
  [['bun', 'node', 'bun'], '127.0.200.1'],
])(
  'clients on other Pods read a run, and are told within seconds that its process was killed: %s',
  async (runtimes, first) => {
    const pods = await startFleet(runtimes, first, { script: SCRIPT, env: { OPTIONS } })
    await acquainted(pods)
    const [producer, second, third] = pods as [PodProcess, PodProcess, PodProcess]
    await producer.post('/start/chat', {})
    const clients = [new RunClient(second, 'chat'), new RunClient(third, 'chat')]
    for (const token of ['Hel', 'lo']) await producer.post('/write/chat', [token])
    await until('the clients have the chunks', () => clients.every(({ chunks }) => chunks.length === 2))
    expect(await producer.post('/flush/chat', {})).toEqual({ held: 2 })
    expect(await producer.post('/start/other', {})).toBeDefined()
    expect(await third.post('/cancel/other', {})).toMatchObject({ outcome: 'cancelled' })

    producer.process.kill('SIGKILL')
    await producer.ended
    await PodProcess.start(producer.options)
    await until('the clients are told', () => clients.every(({ text }) => text.includes('"lost"')), 10_000)
    expect(clients.map(({ chunks }) => chunks.join(''))).toEqual(['Hello', 'Hello'])
  },
  60_000,
)
