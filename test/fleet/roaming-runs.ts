import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { faultsOf, type GeneratedRun, isOver } from '../support/generated-run.ts'
import { acquainted, PodProcess, type Runtime, startFleet } from '../support/pod-process.ts'
import { RunClient } from '../support/run-client.ts'
import { until } from '../support/until.ts'

const SCRIPT = fileURLToPath(new URL('./run-pod.ts', import.meta.url))
const READERS = 3
const CHUNK_EVERY_MS = 20
/** Chunks of the shortest and of the longest run: some end within the drain, others do not. */
const CHUNKS = [25, 150] as const
const OPTIONS = JSON.stringify({ retryMs: 50, drainTimeoutMs: 1_000, flushTimeoutMs: 2_000 })
/** The second Pod drains. The others are killed. */
const SIGNALS: readonly NodeJS.Signals[] = ['SIGKILL', 'SIGTERM', 'SIGKILL']
const END_MS = 30_000

export interface RoamingRunsOptions {
  /** Of the three Pods. */
  runtimes: readonly Runtime[]
  /** Address of the first Pod. */
  first: string
  runs: number
  /** Interval of the starts of runs. */
  startEveryMs: number
}

/** Number of readers by what they have seen. */
export interface RoamingReport {
  readers: number
  chunks: number
  connections: number
  ends: Record<string, number>
  gaps: number
  interrupted: number
  /** A line for each broken rule. */
  faults: string[]
}

interface StartedRun extends GeneratedRun {
  pod: PodProcess
}

/**
 * Runs of three Pods, each with three readers that change Pods a few times a second, while each Pod is killed or drained
 * once and starts again at once.
 */
export class RoamingRuns {
  readonly #options: RoamingRunsOptions
  readonly #pods: PodProcess[]
  readonly #runs: StartedRun[] = []
  #leaving: PodProcess | undefined
  /** Pods that have ended, and those of them that have started again. */
  #ended = 0
  #replaced = 0
  #starting: Promise<unknown> | undefined

  private constructor(options: RoamingRunsOptions, pods: PodProcess[]) {
    this.#options = options
    this.#pods = pods
  }

  static async report(options: RoamingRunsOptions): Promise<RoamingReport> {
    const pods = await startFleet(options.runtimes, options.first, { script: SCRIPT, env: { OPTIONS } })
    await acquainted(pods)
    const roaming = new RoamingRuns(options, pods)
    await Promise.all([roaming.#startRuns(), roaming.#replacePods()])
    return roaming.#judge()
  }

  async #startRuns(): Promise<void> {
    const { runs, startEveryMs } = this.#options
    const phase = runs / (SIGNALS.length + 1)
    for (let i = 0; i < runs; i += 1) {
      // A third of each phase begins while a Pod is away, the rest just before the next one is.
      const count = () => (i % phase < phase / 3 ? this.#ended : this.#replaced)
      await until(
        'the Pod of the phase before is replaced',
        () => count() >= Math.floor(i / phase),
        END_MS,
        5,
      )
      const pods = this.#pods.filter((pod) => pod !== this.#leaving)
      const pod = pods[i % pods.length] as PodProcess
      const [shortest, longest] = CHUNKS
      const chunks = shortest + Math.round(((longest - shortest) * ((i * 7) % 10)) / 9)
      const run: StartedRun = { name: `run${i}`, chunks, signal: undefined, pod, clients: [] }
      this.#runs.push(run)
      for (let reader = 0; reader < READERS; reader += 1) run.clients.push(this.#client(run.name, i + reader))
      this.#starting = pod.post(`/generate/${run.name}`, { count: chunks, everyMs: CHUNK_EVERY_MS })
      await this.#starting
      await delay(startEveryMs)
    }
  }

  #client(name: string, first: number): RunClient {
    const urls = this.#pods.map(({ url }) => url)
    let turn = first
    const next = () => {
      // To either of the other Pods, so that the clients do not move in step.
      turn += 1 + Math.floor(Math.random() * 2)
      return urls[turn % urls.length] as string
    }
    return new RunClient({ name, next, stayMs: () => 150 + Math.random() * 350 })
  }

  async #replacePods(): Promise<void> {
    for (const [i, signal] of SIGNALS.entries()) {
      const due = Math.floor(((i + 1) * this.#options.runs) / (SIGNALS.length + 1))
      await until(`${due} runs have begun`, () => this.#runs.length >= due, END_MS, 5)
      const pod = this.#pods[i] as PodProcess
      this.#leaving = pod
      await this.#starting
      for (const run of this.#runs) if (run.pod === pod) run.signal = signal
      await pod.kill(signal)
      this.#ended += 1
      this.#pods[i] = await PodProcess.start(pod.options)
      this.#leaving = undefined
      await acquainted(this.#pods)
      this.#replaced += 1
    }
  }

  async #judge(): Promise<RoamingReport> {
    const clients = this.#runs.flatMap((run) => run.clients)
    await until('every reader has the end', () => clients.every(isOver), END_MS, 20).catch(() => {})
    const faults = this.#runs.flatMap(faultsOf)
    const ends = Object.groupBy(clients, ({ end }) => `${end?.state} ${end?.reason ?? ''}`.trim())
    const sum = (count: (client: RunClient) => number) =>
      clients.reduce((total, client) => total + count(client), 0)
    return {
      readers: clients.length,
      chunks: sum(({ nextChunk }) => nextChunk),
      connections: sum(({ connections }) => connections),
      ends: Object.fromEntries(Object.entries(ends).map(([end, all = []]) => [end, all.length])),
      gaps: sum(({ gaps }) => gaps.length),
      interrupted: sum(({ notices }) => notices.filter(({ event }) => event === 'sser-interrupted').length),
      faults,
    }
  }
}
