import { expect, test } from 'vitest'
import { Sser } from '../src/index.ts'
import { Client } from './support/client.ts'
import { settle } from './support/clock.ts'

test('a Pod without a peerFinder serves its own clients, and logs that it is alone', async () => {
  const lines: string[] = []
  const logger = { info: (line: string) => lines.push(line), warn: () => {} }
  await using sser = new Sser({ logger, drainTimeoutMs: 0 })
  await sser.start()
  const client = new Client(await sser.handler(new Request('http://pod/events?stream=a'))).flow()
  expect(await sser.send('a', 'hello')).toMatchObject({ peers: [] })
  await settle()
  expect(client.messages).toEqual(['hello'])
  expect(lines).toContainEqual(expect.stringContaining('runs alone, because no peerFinder was given'))
})

test('await using stops an instance', async () => {
  const sser = new Sser({ logger: false, drainTimeoutMs: 0 })
  await sser.start()
  await sser[Symbol.asyncDispose]()
  expect(sser.state).toBe('stopped')
})
