import type { ChildProcess } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import type { ContainerSpec, ContainerState, ContainerStatus, ProbeSpec } from './objects.ts'
import { isAnswered, Probe, urlOf } from './probe.ts'

const FIRST_BACKOFF_MS = 1_000
const LONGEST_BACKOFF_MS = 10_000
/**
 * Minimum time from SIGTERM to SIGKILL, even after a preStop hook that took all of the grace period, as in the kubelet.
 */
const LEAST_GRACE_MS = 2_000

export interface ContainerOptions {
  spec: ContainerSpec
  podIP: string
  restartPolicy: 'Always' | 'OnFailure' | 'Never'
  graceMs: number
  spawn: () => ChildProcess
  onChange: () => void
}

/** One container: its process, which is restarted when it exits, and its probes. */
export class Container {
  readonly #options: ContainerOptions
  #state: ContainerState = { waiting: { reason: 'ContainerCreating' } }
  #restarts = 0
  #isStarted = false
  #isReady = false
  #isStopping = false
  #process: ChildProcess | undefined
  #ended: Promise<void> = Promise.resolve()
  #startupProbe: Probe | undefined
  #probes: Probe[] = []
  #backoff: NodeJS.Timeout | undefined

  constructor(options: ContainerOptions) {
    this.#options = options
    this.#start()
  }

  get status(): ContainerStatus {
    const { name, image } = this.#options.spec
    return {
      name,
      image,
      imageID: image,
      ready: this.#isReady,
      started: this.#isStarted,
      restartCount: this.#restarts,
      state: this.#state,
    }
  }

  /** Exit code of a container that has exited and will not be restarted; otherwise undefined. */
  get exitCode(): number | undefined {
    return this.#backoff === undefined ? this.#state.terminated?.exitCode : undefined
  }

  /** Kills the process as a crash would; it is restarted. */
  kill(): void {
    this.#signal('SIGKILL')
  }

  /** Probes it no more: its status stays as it is. */
  stopProbes(): void {
    this.#startupProbe?.stop()
    for (const probe of this.#probes) probe.stop()
  }

  /**
   * Runs the preStop hook, then sends SIGTERM, and SIGKILL at the end of the grace period; SIGKILL alone if `graceMs`
   * is 0. Resolves when the process has exited.
   */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true
    clearTimeout(this.#backoff)
    this.#backoff = undefined
    const end = performance.now() + graceMs
    if (this.#process !== undefined) await Promise.race([this.#preStop(graceMs), this.#ended])
    await this.#terminate(graceMs === 0 ? 0 : Math.max(end - performance.now(), LEAST_GRACE_MS))
    this.stopProbes()
  }

  #start(): void {
    const startedAt = now()
    const child = this.#options.spawn()
    this.#process = child
    this.#state = { running: { startedAt } }
    this.#ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.#onEnd(startedAt, code, signal)
        resolve()
      })
    })
    this.#startProbes()
    this.#options.onChange()
  }

  #startProbes(): void {
    const { startupProbe } = this.#options.spec
    if (startupProbe === undefined) this.#onStarted()
    else
      this.#startupProbe = this.#probe(startupProbe, false, (isOk) =>
        isOk ? this.#onStarted() : this.#restart(),
      )
  }

  #onStarted(): void {
    if (this.#isStarted) return
    // The startup probe stops after its success: from now on only the liveness probe restarts the container.
    this.#startupProbe?.stop()
    const { livenessProbe, readinessProbe } = this.#options.spec
    this.#isStarted = true
    this.#isReady = readinessProbe === undefined
    if (livenessProbe) this.#probe(livenessProbe, true, (isOk) => isOk || this.#restart())
    if (readinessProbe) {
      this.#probe(readinessProbe, false, (isOk) => {
        this.#isReady = isOk
        this.#options.onChange()
      })
    }
    this.#options.onChange()
  }

  #probe(spec: ProbeSpec, isOk: boolean, onChange: (isOk: boolean) => void): Probe {
    if (spec.httpGet === undefined) throw new Error("The rig's kubelet knows only httpGet probes")
    const url = urlOf(spec.httpGet, this.#options.spec, this.#options.podIP)
    const probe = new Probe(spec, url, isOk, onChange)
    this.#probes.push(probe)
    return probe
  }

  /** Terminates the process after a failed probe, unless the Pod is stopping anyway. */
  #restart(): void {
    if (!this.#isStopping) void this.#terminate(this.#options.graceMs)
  }

  #onEnd(startedAt: string, code: number | null, signal: NodeJS.Signals | null): void {
    for (const probe of this.#probes.splice(0)) probe.stop()
    // Kills the rest of its process group.
    this.#signal('SIGKILL')
    this.#process = undefined
    this.#isStarted = false
    this.#isReady = false
    const exitCode = code ?? (signal === 'SIGTERM' ? 143 : 137)
    this.#state = { terminated: { exitCode, startedAt, finishedAt: now() } }
    const { restartPolicy, onChange } = this.#options
    const isRestarted = restartPolicy === 'Always' || (restartPolicy === 'OnFailure' && exitCode !== 0)
    if (isRestarted && !this.#isStopping) {
      this.#backoff = setTimeout(
        () => {
          this.#backoff = undefined
          this.#restarts += 1
          this.#start()
        },
        Math.min(FIRST_BACKOFF_MS * 2 ** this.#restarts, LONGEST_BACKOFF_MS),
      )
    }
    onChange()
  }

  async #preStop(graceMs: number): Promise<void> {
    const { sleep, httpGet } = this.#options.spec.lifecycle?.preStop ?? {}
    if (sleep) await delay(Math.min(sleep.seconds * 1_000, graceMs))
    if (httpGet) await isAnswered(urlOf(httpGet, this.#options.spec, this.#options.podIP), graceMs)
  }

  async #terminate(graceMs: number): Promise<void> {
    const ended = this.#ended
    if (graceMs > 0) this.#process?.kill('SIGTERM')
    const timer = setTimeout(() => this.#signal('SIGKILL'), graceMs)
    await ended
    clearTimeout(timer)
  }

  /** Sends a signal to the whole process group. */
  #signal(signal: NodeJS.Signals): void {
    const pid = this.#process?.pid
    if (pid === undefined) return
    try {
      process.kill(-pid, signal)
    } catch {
      // The process group has already exited.
    }
  }
}

function now(): string {
  return new Date().toISOString()
}
