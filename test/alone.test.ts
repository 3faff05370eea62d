import { expect, test, vi } from 'vitest'
import { Sser, type SserOptions, StaticPeerFinder } from '../src/index.ts'
import { Client } from './support/client.ts'
import { settle } from './support/clock.ts'

test('a Pod without a peerFinder serves its own clients', async () => {
  await using sser = new Sser({ logger: false, drainTimeoutMs: 0 })
  await sser.start()
  const client = new Client(await sser.handler(new Request('http://pod/events?stream=a'))).flow()
  expect(await sser.send('a', 'hello')).toMatchObject({ peers: [] })
  await settle()
  expect(client.messages).toEqual(['hello'])
})

test.each<[string, SserOptions, string]>([
  ['has no peerFinder', {}, 'no peerFinder was given: events reach the clients of this Pod only'],
  [
    'finds no peers',
    { peerFinder: new StaticPeerFinder([]) },
    'the first list of its peerFinder is empty: events reach the clients of this Pod only until a peer responds',
  ],
])('a Pod that %s prints that it runs alone', async (_, options, reason) => {
  const print = vi.spyOn(console, 'info').mockImplementation(() => {})
  await using sser = new Sser({ ...options, drainTimeoutMs: 0 })
  await sser.start()
  const lines = print.mock.calls.flat()
  print.mockRestore()
  expect(lines).toEqual([`sser: is ready and runs alone, because ${reason}`])
})

test('await using stops an instance', async () => {
  const sser = new Sser({ logger: false, drainTimeoutMs: 0 })
  await sser.start()
  await sser[Symbol.asyncDispose]()
  expect(sser.state).toBe('stopped')
})
