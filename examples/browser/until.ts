import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'

/** Waits for a condition, for two seconds. `act` makes each pause, for a framework that must know of it. */
export async function until(condition: () => boolean, act = (wait: () => Promise<void>) => wait()) {
  for (let turn = 0; turn < 200 && !condition(); turn += 1) await act(() => pause(10))
  assert.ok(condition(), 'waited in vain')
}
