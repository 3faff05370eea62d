import type { Clock } from '../clock.ts'

/** Connections that one turn of the event loop serves. */
export const YIELD_EVERY = 250

/** Runs `work`, with a turn of the event loop at each `yield`. An error of `work` ends it, and goes to `onError`. */
export function runYielding(
  clock: Clock,
  work: Generator<void>,
  onError: (error: unknown) => void,
  onDone: () => void = () => {},
): void {
  let done = true
  try {
    done = work.next().done === true
  } catch (error) {
    onError(error)
  }
  if (done) onDone()
  else clock.after(0, () => runYielding(clock, work, onError, onDone))
}
