import type { Clock } from '../clock.ts'

/** Goes on with the work, a part of it in each turn of the event loop. What it throws ends it, and goes to `onError`. */
export function inTurns(
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
  else clock.after(0, () => inTurns(clock, work, onError, onDone))
}
