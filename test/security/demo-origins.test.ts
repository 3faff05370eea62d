import { afterEach, expect, it } from 'vitest'
import { endPods, PodProcess } from '../support/pod-process.ts'

afterEach(endPods)

it('the Pods of the demo take no event from a page of another machine, and let none read', async () => {
  const pod = await PodProcess.start({ runtime: 'node', host: '127.0.149.5' })
  const from = (origin: string) =>
    fetch(`${pod.url}/send?stream=a`, { method: 'POST', body: 'x', headers: { origin } })
  for (const origin of ['https://evil.example', 'http://localhost.evil.example', 'null']) {
    const answer = await from(origin)
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([403, null])
  }
  for (const origin of ['http://127.0.0.1:8080', 'http://localhost:3000']) {
    const answer = await from(origin)
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([202, origin])
  }
})
