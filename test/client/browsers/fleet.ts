import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { acquainted, type PodProcess, startFleet } from '../../support/pod-process.ts'
import { until } from '../../support/until.ts'
import type { Tab } from './chromium.ts'
import { Site } from './site.ts'

const SCRIPT = fileURLToPath(new URL('../../fleet/custom-pod.ts', import.meta.url))
const SEND_EVERY_MS = 10

export const HEARTBEAT_MS = 2_000

/** Three Pods behind a site, and numbers that are sent through them. */
export class SiteFleet {
  readonly #stops: (() => Promise<unknown>)[] = []
  readonly pods: PodProcess[]
  readonly site: Site
  /** How many numbers were sent. */
  sent = 0

  private constructor(pods: PodProcess[], site: Site) {
    this.pods = pods
    this.site = site
  }

  /** `prefix`: of the addresses. `script`: of the Pods. */
  static async start(
    prefix: string,
    options: object = {},
    env: Record<string, string> = {},
    script = SCRIPT,
  ): Promise<SiteFleet> {
    const OPTIONS = JSON.stringify({ retryMs: 200, heartbeatMs: HEARTBEAT_MS, ...options })
    const pods = await startFleet(['node', 'node', 'node'], `${prefix}1`, {
      script,
      env: { OPTIONS, ...env },
    })
    await acquainted(pods)
    return new SiteFleet(pods, await Site.listen(`${prefix}9`, pods))
  }

  /** Number of connections at all Pods. */
  async connections(): Promise<number> {
    const counts = await Promise.all(this.site.pods.map(async (pod) => (await pod.state()).connections))
    return counts.reduce((sum, count) => sum + count, 0)
  }

  /** Sends the next number to a stream, through the Pods in turn. */
  async send(stream: string): Promise<number> {
    this.sent += 1
    const number = this.sent
    await (this.site.pods[number % this.site.pods.length] as PodProcess).send(stream, `${number}`)
    return number
  }

  /** Sends to the streams in turn until the returned function is called; that resolves with the numbers of each stream. */
  sendAll(...streams: string[]): () => Promise<Record<string, number[]>> {
    const numbers: Record<string, number[]> = Object.fromEntries(streams.map((stream) => [stream, []]))
    let isStopped = false
    const done = (async () => {
      while (!isStopped)
        for (const stream of streams) {
          numbers[stream]?.push(await this.send(stream))
          await new Promise((resolve) => setTimeout(resolve, SEND_EVERY_MS))
        }
    })()
    const stop = async () => {
      isStopped = true
      await done
      return numbers
    }
    this.#stops.push(stop)
    return stop
  }

  /** Ends the requests of an earlier test, and the settings that it made. */
  async reset(): Promise<void> {
    const { site } = this
    // A test that failed may still send.
    for (const stop of this.#stops.splice(0)) await stop()
    await until('no connection is left', () => site.open.length === 0)
    site.requests.length = 0
    Object.assign(site, { hasWorker: true, headers: {}, guard: undefined, status: undefined })
  }
}

/** Fails unless the tab has received exactly these numbers of the stream, and no gap. */
export async function expectExactly(tab: Tab, stream: string, numbers: readonly number[]): Promise<void> {
  await tab.has(stream, numbers.length)
  const seen = (await tab.seen(stream)) as number[]
  expect(seen.toSorted((one, other) => one - other)).toEqual(numbers)
  expect(await tab.read('gaps')).toEqual([])
}
