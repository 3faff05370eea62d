import type { Clock } from '../../src/clock.ts'

/** The clock of a process that can stand still while `clock`, by which the others live, goes on. */
export function pausable(clock: Clock): { clock: Clock; pause(ms: number): void } {
  let pausedMs = 0
  return {
    clock: {
      now: () => clock.now() + pausedMs,
      after: (ms, callback) => clock.after(ms, callback),
      random: () => clock.random(),
    },
    pause(ms) {
      pausedMs += ms
    },
  }
}
