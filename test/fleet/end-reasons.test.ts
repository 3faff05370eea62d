import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { endPods, PodProcess, type Runtime } from '../support/pod-process.ts'
import { RawClient } from '../support/stream-client.ts'

const SCRIPT = fileURLToPath(new URL('./custom-pod.ts', import.meta.url))
const OPTIONS = { maxConnectionAgeMs: 2_000, retryMs: 100, drainTimeoutMs: 100, flushTimeoutMs: 0 }
const LAST_BLOCK = /\nevent: sser-retry\nretry: \d+\ndata: (.*)\n\n\r\n0\r\n\r\n$/

afterAll(() => endPods())

test.concurrent.each<[string, Runtime, string, object]>([
  ['on Node', 'node', '127.0.185.1', {}],
  ['on Node without its fast path', 'node', '127.0.185.2', { fastPath: false }],
  ['on Bun', 'bun', '127.0.185.3', {}],
])('a Pod %s ends each response with a block that names the reason', async (_, runtime, host, serve) => {
  const env = { OPTIONS: JSON.stringify(OPTIONS), SERVE: JSON.stringify(serve) }
  const pod = await PodProcess.start({ runtime, host, script: SCRIPT, env })
  const connected = async (stream: string) => {
    const client = await RawClient.events(pod.url, [stream])
    await client.holds('its greeting', (text) => text.includes('sser-position'))
    return client
  }
  const reasonOf = async (client: RawClient) =>
    LAST_BLOCK.exec(await client.holds('its last block', (text) => LAST_BLOCK.test(text)))?.[1]

  const aged = await connected('quiet')
  const disconnected = await connected('private')
  await pod.post('/disconnect', { stream: 'private' })
  expect(await reasonOf(disconnected)).toBe('{"reason":"disconnected"}')
  expect(await reasonOf(aged)).toBe('{"reason":"max-age"}')
  const drained = await connected('quiet')
  pod.signal('SIGTERM')
  expect(await reasonOf(drained)).toBe('{"reason":"draining"}')
})
