import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { endPods, PodProcess } from '../support/pod-process.ts'
import { within } from '../support/until.ts'

const script = fileURLToPath(new URL('./custom-pod.ts', import.meta.url))

afterAll(endPods)

describe.concurrent.each([
  ['node', 'node', '127.0.42.91', {}],
  ['node without the fast path', 'node', '127.0.43.91', { fastPath: false }],
  ['bun', 'bun', '127.0.44.91', {}],
] as const)('a stop under %s', (_, runtime, host, serve) => {
  test('ends a process that stays alive 5 s after it, and reports that', async () => {
    const OPTIONS = JSON.stringify({ drainTimeoutMs: 0, flushTimeoutMs: 0 })
    const env = { OPTIONS, SERVE: JSON.stringify(serve), AFTER_STOP: 'timer' }
    const pod = await PodProcess.start({ runtime, host, script, env })
    pod.signal('SIGTERM')
    expect(await within('the process ends', pod.ended)).toBe(0)
    expect(pod.stderr).toContain('the process still runs: it ends now')
  })
})
