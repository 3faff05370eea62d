import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { endPods, PodProcess } from '../support/pod-process.ts'
import { RawClient } from '../support/stream-client.ts'
import { checkFramework, type Framework } from './checks.ts'
import { installFrameworks } from './install.ts'

/** Longer than Bun keeps a quiet connection: 10 s, counted in steps of 4. */
const QUIET_MS = 17_000

const next = { runtime: 'node', script: 'next/server.ts', env: { NODE_ENV: 'production' } } as const
const FRAMEWORKS: readonly (Framework & { script: string })[] = [
  { name: 'node:http', runtime: 'node', script: 'node-http.ts', prefix: '127.0.81.', isFast: true },
  { name: 'Express', runtime: 'node', script: 'express.ts', prefix: '127.0.82.', isFast: true },
  { name: 'Fastify', runtime: 'node', script: 'fastify.ts', prefix: '127.0.83.', isFast: true },
  { name: 'Nest', runtime: 'node', script: 'nest.js', prefix: '127.0.84.', isFast: true },
  { ...next, name: 'Next.js, past Next', prefix: '127.0.85.', isFast: true },
  {
    ...next,
    name: 'a route handler of Next.js',
    prefix: '127.0.86.',
    path: '/api/events',
    knowsAddresses: false,
  },
  {
    name: 'next start with join() in instrumentation.js',
    runtime: 'node',
    script: 'next-start/start.mjs',
    prefix: '127.0.78.',
    path: '/api/events',
    knowsAddresses: false,
    endsByItself: false,
    env: { NODE_ENV: 'production', NEXT_MANUAL_SIG_HANDLE: 'true' },
  },
  { name: 'Bun.serve() with routes', runtime: 'bun', script: 'bun-serve.ts', prefix: '127.0.87.' },
  { name: 'Elysia', runtime: 'bun', script: 'elysia.ts', prefix: '127.0.88.' },
]

let folder = ''

beforeAll(async () => {
  folder = await installFrameworks()
}, 600_000)

afterAll(async () => {
  await endPods()
  await rm(folder, { recursive: true, force: true })
})

describe.each(FRAMEWORKS)('$name', (framework) => {
  checkFramework(framework, () => join(folder, framework.script))
})

test('Bun ends no stream that is quiet for longer than its idle timeout', async () => {
  const bun = FRAMEWORKS.filter(({ runtime }) => runtime === 'bun')
  const quiet = await Promise.all(
    bun.map(async ({ script, prefix }) => {
      const host = `${prefix}3`
      const pod = await PodProcess.start({ runtime: 'bun', host, script: join(folder, script) })
      const client = await RawClient.events(pod.url, ['quiet'])
      await client.holds('a greeting', (text) => text.includes('sser-position'))
      return { pod, client }
    }),
  )
  // The first heartbeat comes after 15 s.
  await pause(QUIET_MS)
  for (const { pod, client } of quiet) {
    await pod.send('quiet', 'after the silence')
    await client.holds('the event', (text) => text.includes('data: after the silence\n'))
  }
})
