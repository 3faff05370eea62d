import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { endPods, PodProcess, runScript } from '../support/pod-process.ts'

const SERVER = fileURLToPath(new URL('./exchange-server.ts', import.meta.url))
const CLIENT = new URL('./exchange-client.ts', import.meta.url)
const hosts = { node: '127.0.171.1', bun: '127.0.171.2' } as const

afterEach(endPods)

describe('exchanges between Node and Bun', () => {
  it('carry all texts in order, and end after the last one, in each pairing', async () => {
    await Promise.all(
      (['node', 'bun'] as const).map((runtime) =>
        PodProcess.start({ runtime, host: hosts[runtime], script: SERVER }),
      ),
    )
    const talks = await Promise.all(
      (['node', 'bun'] as const).map((runtime) =>
        runScript(runtime, CLIENT, { env: { HOSTS: Object.values(hosts).join(',') } }),
      ),
    )
    for (const { stdout } of talks) {
      const results = JSON.parse(stdout) as Record<string, { ms: number }>
      expect(Object.keys(results)).toHaveLength(10)
      for (const [name, result] of Object.entries(results)) {
        const leaves = ['last', 'clean']
        const expected = { leaves, first: 'echo hello', isEqual: true, last: 'bye', end: 'clean', open: 0 }
        expect({ [name]: result }).toEqual({ [name]: { ...expected, ms: expect.any(Number) } })
      }
    }
  })
})
