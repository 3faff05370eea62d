import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { endPods, PodProcess } from '../support/pod-process.ts'
import { RawClient } from '../support/stream-client.ts'
import { until } from '../support/until.ts'

const script = fileURLToPath(new URL('./middleware-pod.ts', import.meta.url))

afterAll(endPods)

async function open(pod: PodProcess, path: string): Promise<RawClient> {
  const raw = await RawClient.open(pod.url)
  raw.socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
  return raw
}

describe.each([
  ['node', 'node', 'yes', '127.0.79.1'],
  ['node, without the fast path', 'node', 'no', '127.0.79.2'],
  ['bun', 'bun', 'yes', '127.0.79.3'],
] as const)(
  'under %s, a session that is revoked while middleware looks it up',
  (_, runtime, fastPath, host) => {
    it('ends the connection before anything is sent', async () => {
      const pod = await PodProcess.start({ runtime, host, script, env: { FAST_PATH: fastPath } })
      const post = (path: string, body = '') => fetch(new URL(path, pod.url), { method: 'POST', body })
      // Under Bun a request that `mount()` makes anew has lost its mark.
      const paths =
        runtime === 'bun'
          ? ['/events', '/events/handler']
          : ['/events', '/events/handler', '/events/mounted/']
      const raws = await Promise.all(paths.map((path) => open(pod, `${path}?stream=private&slow`)))
      await until('all are looked up', async () => {
        const waiting = await fetch(new URL('/waiting', pod.url))
        return Number(await waiting.text()) === paths.length
      })
      await post('/revoke')
      for (const raw of raws) await raw.holds('the end', (text) => text.includes('sser-retry'))
      await post('/send?stream=private', 'after the revocation')
      for (const raw of raws) {
        expect(raw.text).toContain('sser-retry')
        expect(raw.text).not.toContain('sser-position')
        expect(raw.text).not.toContain('after the revocation')
      }
      await post('/restore')
      const again = await open(pod, '/events?stream=private')
      await again.holds('a greeting', (text) => text.includes('sser-position'))
      again.socket.destroy()
      await pod.kill()
    })
  },
)
