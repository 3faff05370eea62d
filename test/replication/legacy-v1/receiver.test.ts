import { expect, it } from 'vitest'
import { V1Connections } from '../../../src/replication/legacy-v1/receiver.ts'
import { VirtualClock } from '../../support/clock.ts'

/** Whether a stop waits no longer. */
function closing(connections: V1Connections): () => boolean {
  let isOver = false
  void connections.closed().then(() => {
    isOver = true
  })
  return () => isOver
}

it('a stop waits until each Go Pod that posted within the last second was told to close its connection', async () => {
  const clock = new VirtualClock()
  const connections = new V1Connections(clock)
  connections.posted('one', { isKept: true })
  connections.posted('two', { isKept: true })
  const isOver = closing(connections)
  await clock.advance(500)
  connections.posted('two', { isKept: false })
  await clock.advance(400)
  expect(isOver()).toBe(false)
  connections.posted('one', { isKept: false })
  await clock.advance(20)
  expect(isOver()).toBe(true)
})

it('a stop waits no longer than a second for a Go Pod that posts nothing', async () => {
  const clock = new VirtualClock()
  const connections = new V1Connections(clock)
  connections.posted('one', { isKept: true })
  const isOver = closing(connections)
  await clock.advance(980)
  expect(isOver()).toBe(false)
  await clock.advance(40)
  expect(isOver()).toBe(true)
})
