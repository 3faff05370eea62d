import { setTimeout as delay } from 'node:timers/promises'

/** The texts `0`, `1`, … of a run, one every `everyMs` milliseconds: generated output as an application writes it. */
export async function* numbers(count: number, everyMs: number): AsyncGenerator<string, void> {
  for (let n = 0; n < count; n += 1) {
    await delay(everyMs)
    yield `${n}`
  }
}
