import { fileURLToPath } from 'node:url'
import { acquainted, PodProcess, type Runtime, startFleet } from '../support/pod-process.ts'
import { RunClient } from '../support/run-client.ts'
import { until } from '../support/until.ts'

const SCRIPT = fileURLToPath(new URL('./run-pod.ts', import.meta.url))
const OPTIONS = JSON.stringify({ peerSecret: 'a secret of thirty-two characters', drainTimeoutMs: 200 })
const FIRST_CHUNKS = 5
const CHUNK_EVERY_MS = 10
const TOLD_MS = 30_000

/** Readers of a run whose Pod was killed, and started again at once; times in milliseconds after the kill. */
export interface KilledProducer {
  clients: RunClient[]
  /** When the new process listened. */
  restartedMs: number
  /** When the last reader on the other Pods had the end. */
  toldMs: number
}

/** Three Pods, of which one after the other is killed while it writes a run. */
export class KilledProducers {
  readonly pods: PodProcess[]
  #runs = 0

  private constructor(pods: PodProcess[]) {
    this.pods = pods
  }

  static async start(runtimes: readonly Runtime[], first: string): Promise<KilledProducers> {
    const pods = await startFleet(runtimes, first, { script: SCRIPT, env: { OPTIONS } })
    await acquainted(pods)
    return new KilledProducers(pods)
  }

  /**
   * Kills a Pod with `kill -9` while clients on both other Pods read its run, and starts it again at its address. Resolves when
   * they have the end, and a reader on the new process as well.
   */
  async kill(index: number): Promise<KilledProducer> {
    const producer = this.pods[index] as PodProcess
    this.#runs += 1
    const name = `run${this.#runs}`
    await producer.post(`/generate/${name}`, { count: 100_000, everyMs: CHUNK_EVERY_MS })
    const others = this.pods.filter((pod) => pod !== producer)
    const clients = others.map(({ url }) => new RunClient({ name, next: () => url }))
    await until(
      'the clients have chunks',
      () => clients.every(({ nextChunk }) => nextChunk >= FIRST_CHUNKS),
      TOLD_MS,
    )
    const killedAt = performance.now()
    await producer.kill()
    this.pods[index] = await PodProcess.start(producer.options)
    const restartedMs = performance.now() - killedAt
    const there = new RunClient({ name, next: () => producer.url })
    const isTold = () =>
      [...clients, there].every(({ end, faults }) => end !== undefined || faults.length > 0)
    await until('the clients are told', isTold, TOLD_MS, 5)
    const ends = clients.flatMap(({ notices }) => notices.at(-1)?.at ?? [])
    await acquainted(this.pods)
    return { clients: [...clients, there], restartedMs, toldMs: Math.max(...ends) - killedAt }
  }
}
