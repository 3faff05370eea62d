import { VirtualClock } from '../support/clock.ts'

/** Virtual time without a turn of the event loop for each timer: a million inputs have no time for one. */
export class StepClock extends VirtualClock {
  constructor() {
    super(undefined, settleMicrotasks)
  }
}

/** What promises have under way is done after some rounds; more than any chain here is long. */
async function settleMicrotasks(): Promise<void> {
  for (let rounds = 0; rounds < 12; rounds += 1) await undefined
}
