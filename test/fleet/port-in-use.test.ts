// In a file, and so in a process, of its own: timers that another test leaves would count.
import { expect, test } from 'vitest'
import { Sser, StaticPeerFinder } from '../../src/index.ts'
import { serve } from '../../src/node.ts'
import { resources } from '../support/resources.ts'
import { until } from '../support/until.ts'

const HOST = '127.0.50.2'

function newSser(): Sser {
  const peerFinder = new StaticPeerFinder([])
  return new Sser({ peerFinder, internalPort: 0, drainTimeoutMs: 0, flushTimeoutMs: 0 })
}

function countListeners(): number {
  return process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0)
}

test('serve() names a port in use, and leaves no timer, listener or socket', async () => {
  const onlyTwoServers = async () => {
    await until('only the first Pod listens', () => resources().TCPServerWrap === 2)
    // One turn later, the timer of this wait is gone.
    await new Promise((resolve) => setImmediate(resolve))
  }
  const listenersBefore = countListeners()
  const fetch = () => new Response()
  const first = await serve({ sser: newSser(), fetch, hostname: HOST, port: 0 })
  try {
    for (const port of ['port', 'internalPort'] as const) {
      await onlyTwoServers()
      const timersBefore = resources().Timeout
      const options = { sser: newSser(), fetch, hostname: HOST, port: 0, [port]: first[port] }
      await expect(serve(options)).rejects.toMatchObject({
        code: 'port-in-use',
        message: `Option "${port}": Port ${first[port]} is in use on ${HOST}`,
      })
      await onlyTwoServers()
      expect(resources().Timeout).toBe(timersBefore)
    }
  } finally {
    await first.stop()
  }
  await first.stop()
  expect(countListeners()).toBe(listenersBefore)
})
