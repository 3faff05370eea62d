import { expect, test } from 'vitest'
import { runScript } from '../support/pod-process.ts'

const HOST = '127.0.50.2'

test('serve() names a port in use, and leaves no timer, listener or socket', async () => {
  const url = new URL('port-in-use.ts', import.meta.url)
  const { stdout } = await runScript('node', url, { env: { HOST } })
  const { tries, listeners, ...ports } = JSON.parse(stdout)
  for (const [i, name] of (['port', 'internalPort'] as const).entries()) {
    const { code, message, before, after } = tries[i]
    expect([code, message]).toEqual([
      'port-in-use',
      `Option "${name}": Port ${ports[name]} is in use on ${HOST}`,
    ])
    expect(after).toEqual(before)
  }
  expect(listeners).toBe(0)
})
