import type { Oracle } from './oracle.ts'
import type { Incarnation, Pod } from './pod.ts'
import type { Random } from './random.ts'
import { RunClient } from './run-client.ts'
import { hasEnded, isGone, type MemoryLoss, type RunCounts } from './run-facts.ts'
import { RunOracle } from './run-oracle.ts'
import type { RunAction, RunsPlan } from './run-plan.ts'
import { type RunFixture, RunProducer } from './run-producer.ts'
import { checkFreshReadings, checkOpenReading } from './run-settlement.ts'
import type { Time } from './time.ts'

export interface RunsPlaybackOptions {
  plan: RunsPlan
  pods: readonly Pod[]
  time: Time
  random: Random
  oracle: Oracle
  /** Longest delay of a message in an exchange. */
  stallMs: number
  /** Longest time until a Pod judges that a producer is lost. */
  lostMs: number
}

/** Interval of the checks of the memory for runs. */
const MEMORY_CHECK_MS = 50
/** A fault of this length is long enough for five questions without an answer, after which a Pod counts as out of reach. */
const UNANSWERED_MS = 3_750
/** Time in which a link tries again after a fault. */
const RETRY_MS = 2_000

/** Plays the actions on runs of a plan, and checks the invariants of runs. */
export class RunsPlayback {
  readonly #options: RunsPlaybackOptions
  readonly #fixture: RunFixture
  readonly #producers: RunProducer[] = []
  readonly #clients: RunClient[] = []
  readonly #losses: MemoryLoss[] = []
  /** From then on there is no fault. */
  #calmFrom = Number.NEGATIVE_INFINITY
  /** From then on no Pod has a reason to go on without the producer. */
  #connectedFrom = Number.NEGATIVE_INFINITY

  constructor(options: RunsPlaybackOptions) {
    const { plan, pods, time, random, oracle } = options
    this.#options = options
    const runs = new RunOracle({
      now: () => time.now,
      log: (message) => oracle.log(message),
      violate: (message) => oracle.violate(message),
      mayEvict: plan.mayEvict,
      isConnected: () => time.now >= this.#connectedFrom,
      isWhole: () => this.#isWhole,
      isCalm: (ms) => this.#isCalm(ms),
    })
    this.#fixture = { pods, time, random, runs }
    if (plan.mayEvict) this.#checkMemory()
  }

  get counts(): RunCounts {
    return this.#fixture.runs.counts
  }

  do(action: RunAction): void {
    const { pods } = this.#options
    switch (action.kind) {
      case 'start-run': {
        const producer = new RunProducer(action, this.#fixture)
        this.#producers.push(producer)
        void producer.start()
        return
      }
      case 'read-run':
        this.#clients.push(new RunClient(action, this.#fixture, () => this.#incarnations()))
        return
      case 'cancel-run':
        return this.#cancel(pods[action.pod] as Pod, action.name)
    }
  }

  /** A fault lasts for the next `ms` milliseconds. */
  disturbed(ms: number): void {
    const end = this.#options.time.now + ms
    this.#calmFrom = Math.max(this.#calmFrom, end)
    this.#connectedFrom = Math.max(this.#connectedFrom, ms < UNANSWERED_MS ? end : end + RETRY_MS)
  }

  /** A Pod has lost its memory. */
  lost({ address }: Pod): void {
    this.#losses.push({ address, at: this.#options.time.now, isHandedOver: false })
  }

  /** A Pod of a version without runs may be replaced: the others may take the next one for it until they try again. */
  replaced(): void {
    this.#calmFrom = Math.max(this.#calmFrom, this.#options.time.now + RETRY_MS)
  }

  /** A process stands still. `isLong`: its Pod may begin another incarnation after that. */
  paused(pod: Pod, isLong: boolean): void {
    this.lost(pod)
    if (!isLong) return
    for (const run of this.#fixture.runs.runs)
      if (run.address === pod.address && hasEnded(run)) run.isForgotten = true
  }

  /**
   * A Pod begins to stop. The returned function is called at its end: the Pod has handed over its copies, if another one was there to
   * take them, and no fault kept it from that; else it has lost its memory.
   */
  handover({ address, incarnation }: Pod): () => void {
    const { time } = this.#options
    const startedAt = time.now
    const others = this.#incarnations().filter((other) => other !== incarnation)
    return () => {
      const ready = this.#incarnations()
      const isHandedOver =
        this.#isCalm(time.now - startedAt) && this.#isWhole && others.some((other) => ready.includes(other))
      if (isHandedOver) this.#fixture.runs.handedOver(address)
      this.#losses.push({ address, at: time.now, isHandedOver })
    }
  }

  /** All faults have ended, and each Pod is connected with all others: checks what must hold then. */
  async settle(): Promise<void> {
    const { time, oracle, plan } = this.#options
    const { runs } = this.#fixture
    const settlement = {
      oracle: runs,
      losses: this.#losses,
      violate: (message: string) => oracle.violate(message),
    }
    const checkOpen = () => {
      for (const client of this.#clients) {
        if (client.address !== undefined && !plan.mayEvict) checkOpenReading(client.reading, settlement)
      }
    }
    for (const client of this.#clients) client.settle()
    for (const producer of this.#producers) producer.pause()
    // A Pod that has heard nothing of a dead producer judges it as late as one that it has heard.
    const isLost = this.#clients.some(
      ({ reading }) =>
        reading.end === undefined && runs.runs.some((run) => run.name === reading.name && isGone(run)),
    )
    await time.run(time.now + 4_000 + (isLost ? this.#options.lostMs : 0))
    checkOpen()
    const fresh = this.#readEverywhere()
    await time.run(time.now + 4_000)
    if (!plan.mayEvict)
      checkFreshReadings(
        fresh.map(({ reading }) => reading),
        settlement,
      )
    for (const producer of this.#producers) producer.finish()
    await time.run(time.now + 2_000)
    checkOpen()
    for (const client of [...this.#clients, ...fresh]) client.close()
    await this.#checkForgotten()
  }

  /** A reader for each name on each Pod. */
  #readEverywhere(): RunClient[] {
    const names = new Set(this.#fixture.runs.runs.map(({ name }) => name))
    return [...names].flatMap((name) =>
      this.#incarnations().map((incarnation) => {
        const reader = `${name} on ${incarnation.address}`
        const action = { kind: 'read-run', reader, name, slowMs: 0, moves: 0, moveMs: 0 } as const
        return new RunClient(action, this.#fixture, () => [incarnation])
      }),
    )
  }

  /** No Pod keeps an ended run for ever. */
  async #checkForgotten(): Promise<void> {
    const { time, oracle, plan } = this.#options
    if (!plan.mayEvict) return
    await time.run(time.now + plan.limits.retainMs + plan.forgottenMs)
    const names = new Set(this.#fixture.runs.runs.map(({ name }) => name))
    for (const { address, runs } of this.#incarnations()) {
      for (const name of names) {
        void runs?.run(name).then((status) => {
          if (status !== undefined) oracle.violate(`${address} keeps ${status.id}, which is ${status.state}`)
        })
      }
    }
    await time.run(time.now + 1_500)
  }

  /** No Pod holds more bytes of runs than it may, at any time. */
  #checkMemory(): void {
    const { pods, time, oracle } = this.#options
    for (const { incarnation, address } of pods) {
      const { bytes = 0, maxBytes = 0 } = incarnation?.runs?.stats().runs ?? {}
      if (bytes > maxBytes) oracle.violate(`${address} holds ${bytes} bytes of runs, and ${maxBytes} at most`)
    }
    time.after(MEMORY_CHECK_MS, () => this.#checkMemory())
  }

  /** Whether no Pod has lost its memory without a handover. */
  get #isWhole(): boolean {
    return this.#losses.every(({ isHandedOver }) => isHandedOver)
  }

  /** Whether there was no fault for the last `ms` milliseconds, and no message from before is on its way. */
  #isCalm(ms: number): boolean {
    const { time, stallMs } = this.#options
    return time.now - this.#calmFrom >= ms + stallMs
  }

  #cancel({ incarnation, isReady }: Pod, name: string): void {
    const { runs } = this.#fixture
    if (incarnation?.runs === undefined || !isReady) return
    runs.cancelRequested(name)
    incarnation.runs.cancelRun(name).then(
      ({ id, outcome }) => runs.cancelled(id, outcome),
      (error) => runs.cancelRejected(name, error),
    )
  }

  /** Those that know runs, and are ready. */
  #incarnations(): Incarnation[] {
    return this.#options.pods.flatMap(({ incarnation, isReady }) =>
      incarnation?.runs !== undefined && isReady ? [incarnation] : [],
    )
  }
}
