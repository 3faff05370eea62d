import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { endPods, PodProcess } from '../support/pod-process.ts'
import { closeClients, StreamClient } from '../support/stream-client.ts'
import { until } from '../support/until.ts'

const folder = mkdtempSync(join(tmpdir(), 'sser-hot-'))

afterAll(async () => {
  closeClients()
  await endPods()
  rmSync(folder, { recursive: true })
})

test.each([
  ['fixed ports', '127.0.48.1', {}],
  ['free ports', '127.0.48.2', { port: 0, internalPort: 0 }],
])('bun --hot serves on %s after a save, and clients reconnect', async (_, host, ports) => {
  const script = join(folder, `${host}.mts`)
  const pod = new URL('./custom-pod.ts', import.meta.url)
  // Bun evaluates an imported file anew, too, once this one has changed.
  writeFileSync(script, `await import(${JSON.stringify(pod.pathname)})\n`)
  const OPTIONS = JSON.stringify({ flushTimeoutMs: 0, retryMs: 100, heartbeatMs: 1_000 })
  const server = await PodProcess.start({
    runtime: 'bun',
    host,
    ...ports,
    script,
    args: ['--hot'],
    env: { OPTIONS },
  })
  const client = await StreamClient.open(server.url, 'a')
  await server.send('a', 'before')
  await until('the client has the event', () => client.messages.includes('before'))
  const began = () => server.stdout.split('listening on').length
  const before = began()
  appendFileSync(script, '// saved\n')
  await until('the app was evaluated anew', () => began() > before)
  await until('the client is back', async () => (await server.state()).connections === 1)
  await server.send('a', 'after')
  await until('the client has the event', () => client.messages.includes('after'))
  expect(client.failure).toBeUndefined()
  expect(await server.kill('SIGTERM')).toBe(0)
})
