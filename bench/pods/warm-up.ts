import { StreamClient } from './client.ts'
import type { Fleet } from './fleets.ts'

/**
 * Sends events one after another, each when the one before is acknowledged, with a client of each Pod: V8 optimizes functions by how
 * often they are called, and an event alone in its turn of the event loop calls most of them. Without it, a part of the measured
 * CPU is that of the compilers and of slower code, which a fleet that has run for minutes does not have.
 */
export async function warmUp({ pods }: Fleet, count: number, bytes: number): Promise<void> {
  const clients = await Promise.all(pods.map(({ url }) => StreamClient.open(url)))
  await pods[0]?.do({ do: 'await', count, bytes })
  for (const client of clients) client.close()
}

/** Events of a warm-up: with more of them, the rounds that follow show no trend any more. */
export function warmUpCount(quick: boolean): number {
  return quick ? 2_000 : 20_000
}
