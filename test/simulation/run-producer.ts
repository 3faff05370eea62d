import type { Incarnation, Pod } from './pod.ts'
import type { Random } from './random.ts'
import type { ProducedRun } from './run-facts.ts'
import type { RunOracle } from './run-oracle.ts'
import type { StartRun } from './run-plan.ts'
import type { Time } from './time.ts'

export interface RunFixture {
  pods: readonly Pod[]
  time: Time
  random: Random
  runs: RunOracle
}

/** The handle of a run, as `startRun()` returns it. */
type Handle = Awaited<ReturnType<NonNullable<Incarnation['runs']>['startRun']>>

/** An application that starts a run on a Pod, and writes it. */
export class RunProducer {
  /** Undefined until the run has started. */
  run: ProducedRun | undefined
  readonly #action: StartRun
  readonly #fixture: RunFixture
  #handle: Handle | undefined
  #incarnation: Incarnation | undefined
  #isPaused = false

  constructor(action: StartRun, fixture: RunFixture) {
    this.#action = action
    this.#fixture = fixture
  }

  async start(): Promise<void> {
    const { pods, runs } = this.#fixture
    const { pod, name, isReplacing } = this.#action
    const { incarnation, isReady, address } = pods[pod] as Pod
    if (incarnation?.runs === undefined || !isReady) return
    let isDead = false
    incarnation.onDeath(() => {
      isDead = true
      if (this.run !== undefined) runs.died(this.run)
    })
    try {
      const handle = await incarnation.runs.startRun(name, { replace: isReplacing })
      const run = runs.started(handle.id, name, address)
      this.run = run
      // The process may end in the instant in which the run has started.
      if (isDead) return runs.died(run)
      this.#handle = handle
      this.#incarnation = incarnation
      handle.signal.addEventListener('abort', () => this.#onAbort(run, handle))
      this.#write(run, handle)
    } catch (error) {
      runs.startRejected(name, address, error as Error)
    }
  }

  /** Writes no more chunks. */
  pause(): void {
    this.#isPaused = true
  }

  /** Ends the run, unless it has ended. */
  finish(): void {
    if (this.run === undefined) return
    const { kind = 'end' } = this.run.call ?? {}
    this.#close(kind)
  }

  #write(run: ProducedRun, handle: Handle): void {
    const { time, random, runs } = this.#fixture
    const { chunks, everyMs, length, end, isFlushing } = this.#action
    const goOn = () => this.#write(run, handle)
    if (run.diedAt !== undefined || this.#isPaused) return
    if (this.#incarnation?.wasPaused) return void time.after(5, goOn)
    if (handle.state !== 'running') return
    if (run.texts.length >= chunks) return end === 'none' ? undefined : this.#close(end)
    const text = `${run.id}/${run.texts.length}${'.'.repeat(length)}`
    runs.wrote(run, text)
    handle.write(text)
    if (isFlushing && random.chance(0.5)) this.#flush(run, handle)
    time.after(everyMs, goOn)
  }

  #flush(run: ProducedRun, handle: Handle): void {
    const { length } = run.texts
    const { runs, time } = this.#fixture
    const at = time.now
    void handle.flush().then(
      (pods) => run.diedAt === undefined && runs.flushed(run, { next: length, pods, at }),
      () => {},
    )
  }

  #onAbort(run: ProducedRun, handle: Handle): void {
    const { time, random, runs } = this.#fixture
    runs.aborted(run, handle.stopReason ?? 'no reason')
    if (handle.stopReason !== 'cancelled') return
    // The application decides the end in time, too late, or not at all.
    const kind = random.pick(['end', 'fail', 'none'] as const)
    if (kind !== 'none') time.after(random.pick([0, 100, 6_000]), () => this.#close(kind))
  }

  #close(kind: 'end' | 'fail'): void {
    const { run } = this
    const handle = this.#handle
    if (run === undefined || handle === undefined || run.diedAt !== undefined) return
    if (this.#incarnation?.wasPaused) return void this.#fixture.time.after(5, () => this.#close(kind))
    if (handle.state !== 'running') return
    this.#fixture.runs.called(run, kind, kind === 'fail' ? 'no luck' : undefined)
    if (kind === 'end') handle.end()
    else handle.fail('no luck')
  }
}
