import { expect, it } from 'vitest'
import { prepareConnection } from '../../src/admission/admit.ts'
import type { Sink } from '../../src/delivery/connection.ts'
import { settle } from '../support/clock.ts'
import { Listening } from '../support/listening.ts'

/** A Pod whose log has no entry that is not delivered: connections to it are live from the start. */
async function caughtUp(): Promise<Listening> {
  const pod = new Listening()
  await settle()
  return pod
}

/** Connects a sink that takes texts; returns its chunks after the preamble. */
function connect(pod: Listening, ...streams: string[]): (string | Uint8Array)[] {
  const chunks: (string | Uint8Array)[] = []
  const take = (chunk: string | Uint8Array) => chunks.push(chunk) > 0
  const sink: Sink = { isSharing: true, write: take, writeText: take, close() {}, abort() {} }
  const connection = prepareConnection(pod.incarnation, streams).connect(sink)
  pod.incarnation.hub.add(connection)
  pod.incarnation.hub.pull(connection)
  chunks.length = 0
  return chunks
}

it('a chunk for one connection is written as text, because nothing else needs its bytes', async () => {
  const pod = await caughtUp()
  const [one, other] = [connect(pod, 'one'), connect(pod, 'other')]
  pod.send('one', 'zwölf')
  pod.send('other', 'x')
  await settle()
  expect(one).toEqual([expect.stringContaining('data: zwölf\n')])
  expect(other).toEqual([expect.stringContaining('data: x\n')])
})

it('a chunk for several audiences is encoded once, and is the same for all of them', async () => {
  const pod = await caughtUp()
  const clients = [connect(pod, 'one', 'shared'), connect(pod, 'two', 'shared'), connect(pod, 'shared')]
  pod.send('shared', 'zwölf')
  pod.send('shared', 'x')
  await settle()
  const [[first], [second], [third]] = clients as [[string], [Uint8Array], [Uint8Array]]
  expect(third).toBe(second)
  expect(new TextDecoder().decode(second)).toBe(first)
})
