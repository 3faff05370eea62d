import { VirtualClock } from '../support/clock.ts'

/** Virtual time without a turn of the event loop for each timer: a million inputs have no time for one. */
export class StepClock extends VirtualClock {
  constructor() {
    super(undefined, settleMicrotasks)
  }
}

/** Settles promises: more rounds than any chain of promises here is long. */
async function settleMicrotasks(): Promise<void> {
  for (let rounds = 0; rounds < 12; rounds += 1) await undefined
}
