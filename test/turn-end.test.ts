import { stat } from 'node:fs'
import { expect, it } from 'vitest'
import { prepareConnection } from '../src/admission/admit.ts'
import { atTurnEnd, type Clock, systemClock } from '../src/clock.ts'
import type { Sink } from '../src/delivery/connection.ts'
import { begin } from './replication/linked-pod.ts'
import { settle } from './support/clock.ts'
import { Listening } from './support/listening.ts'

/** Gives a clock turns that end when the returned function is called; no time passes by it, and no timer fires. */
function holdTurns(clock: Clock): () => Promise<void> {
  const callbacks: (() => void)[] = []
  clock.atTurnEnd = (callback) => void callbacks.push(callback)
  return async () => {
    for (const callback of callbacks.splice(0)) callback()
    await microtasks()
  }
}

/** Lets promises settle, without a turn of the event loop. */
async function microtasks(): Promise<void> {
  for (let i = 0; i < 20; i += 1) await undefined
}

/** The events of each chunk that a connection to `a` takes from now on. */
async function connect(pod: Listening): Promise<string[][]> {
  const chunks: string[][] = []
  const take = (chunk: string | Uint8Array) => {
    const text = typeof chunk === 'string' ? chunk : new TextDecoder().decode(chunk)
    return chunks.push([...text.matchAll(/^data: (.*)$/gm)].map(([, msg]) => msg as string)) > 0
  }
  const sink: Sink = { write: take, writeText: take, close() {}, abort() {} }
  const connection = prepareConnection(pod.incarnation, ['a']).connect(sink)
  pod.incarnation.hub.add(connection)
  pod.incarnation.hub.pull(connection)
  await settle()
  chunks.length = 0
  return chunks
}

it('the events of a turn reach a connection at its end, in one chunk, without a timer', async () => {
  const pod = new Listening()
  const chunks = await connect(pod)
  const endTurn = holdTurns(pod.clock)
  pod.send('a', '1')
  await microtasks()
  pod.send('a', '2')
  await microtasks()
  expect(chunks).toEqual([])
  await endTurn()
  expect(chunks).toEqual([['1', '2']])
})

it('each turn delivers its own events at its end', async () => {
  const pod = new Listening()
  const chunks = await connect(pod)
  const endTurn = holdTurns(pod.clock)
  for (const msg of ['1', '2', '3']) {
    pod.send('a', msg)
    await endTurn()
  }
  expect(chunks).toEqual([['1'], ['2'], ['3']])
})

it('the events of a turn leave to a peer at its end, in one message, without a timer', async () => {
  const { opener, pod, own } = await begin()
  opener.latest.say({ v: 2, epoch: 'peer1', position: { [own()]: 1 } })
  await settle()
  const endTurn = holdTurns(pod.clock)
  void pod.sser.send('a', '1')
  await microtasks()
  void pod.sser.send('a', '2')
  await microtasks()
  expect(opener.latest.batches).toEqual([])
  await endTurn()
  expect(opener.latest.batches).toEqual([['1', '2']])
})

it('the acknowledgement of events that their sender awaits leaves without a timer', async () => {
  const { opener, own } = await begin()
  opener.latest.say({ v: 2, epoch: 'peer1', position: { [own()]: 1 } })
  await settle()
  const before = opener.latest.messages.length
  const events = [{ seq: 1, age: 0, stream: 'a', msg: 'x' }]
  opener.latest.say({ runs: [{ epoch: 'peer1', prev: 0, idle: 0, events }] })
  await microtasks()
  expect(opener.latest.messages.slice(before)).toMatchObject([{ taken: 1 }])
})

it('a turn ends after its promises and before the next timer', async () => {
  const order = await new Promise<string[]>((resolve) => {
    // In a callback of I/O, because elsewhere the next timer may be due before.
    stat('.', () => {
      const steps: string[] = []
      setTimeout(() => {
        steps.push('timer')
        resolve(steps)
      }, 0)
      atTurnEnd(systemClock, () => steps.push('end of the turn'))
      queueMicrotask(() => steps.push('promise'))
    })
  })
  expect(order).toEqual(['promise', 'end of the turn', 'timer'])
})
