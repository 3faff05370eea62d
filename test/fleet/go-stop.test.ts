import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { endPods, PodProcess, type Runtime } from '../support/pod-process.ts'
import { RawClient } from '../support/stream-client.ts'
import { within } from '../support/until.ts'
import { GoSender } from './go-pod.ts'

const SCRIPT = fileURLToPath(new URL('./custom-pod.ts', import.meta.url))
/** The Pod waits for a Go Pod that has posted within the last second: here 50 s, because three answers may take longer. */
const env = { CLOCK_RATE: '0.02' }
const HOSTS: Record<Runtime, string> = { node: '127.0.21.1', bun: '127.0.21.2' }

afterEach(endPods)

describe.each(['node', 'bun'] as const)('a Pod that stops under %s', (runtime) => {
  test('tells each Go Pod to close its kept connection before it closes any', async () => {
    const pod = await PodProcess.start({ runtime, host: HOSTS[runtime], script: SCRIPT, env })
    const client = await RawClient.events(pod.url, ['a'])
    await client.holds('a greeting', (text) => text.includes('sser-position'))
    const senders = await Promise.all([1, 2, 3].map(() => GoSender.open(`${HOSTS[runtime]}:7110`)))
    for (const sender of senders)
      expect((await sender.send('a', 'before')).head).not.toMatch(/connection: *close/i)
    pod.signal('SIGTERM')
    await client.holds('its end', (text) => text.endsWith('0\r\n\r\n'))
    for (const sender of senders) {
      const { status, head } = await sender.send('a', 'while it drains')
      expect(status).toBe(200)
      expect(head).toMatch(/\r\nconnection: close(\r\n|$)/i)
    }
    expect(await within('the Pod ends', pod.ended)).toBe(0)
  })
})
