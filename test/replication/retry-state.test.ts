import { expect, test } from 'vitest'
import { RetryState } from '../../src/replication/retry-state.ts'
import { VirtualClock } from '../support/clock.ts'

test('brings a retry forward once in a second, because a peer that invents Pods must not cause a request for each', () => {
  const clock = new VirtualClock()
  const state = new RetryState(clock)
  const retry = () => {
    state.failures += 1
    state.scheduleRetry(() => {})
  }
  expect(state.expedite()).toBe(false)
  retry()
  expect(state.expedite()).toBe(true)
  retry()
  expect(state.expedite()).toBe(false)
  expect(state.isWaiting).toBe(true)
})
