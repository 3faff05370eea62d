import { systemClock } from '../clock.ts'

type Signal = 'SIGTERM' | 'SIGINT'

/** The part of a runtime's `process` that signals need. */
export interface SignalSource {
  on(signal: Signal, listener: () => void): unknown
  off(signal: Signal, listener: () => void): unknown
  // biome-ignore lint/complexity/noBannedTypes: as @types/node has it
  listeners(signal: Signal): Function[]
  exit(code: number): unknown
}

export interface StopSignalsOptions {
  /** Whether something else keeps the process alive, so that it must exit when a signal has stopped the server. */
  exits?: boolean | undefined
}

/**
 * Two SIGINT within this time are one key press, in milliseconds: a terminal sends it to every process of the group,
 * and `npm start` passes its own on.
 */
const SAME_KEY_PRESS_MS = 100
/**
 * How long the process may live on after a signal has stopped its servers, in milliseconds, for what the app closes. It is
 * part of the grace period.
 */
const EXIT_TIMEOUT_MS = 5_000
/** 128 + 2, as shells report a process that SIGINT ended. */
const INTERRUPTED = 130

/** Listeners of this module: all others are the app's. */
const listeners = new WeakSet<object>()
/** Servers that have not stopped yet: one process may have several. */
const running = new Set<StopSignals>()

/**
 * SIGTERM and SIGINT stop a server; a second SIGINT ends the process at once. An app without a listener of its own would
 * otherwise live on until SIGKILL, where a pool of connections or a timer keeps the process alive.
 */
export class StopSignals {
  readonly #source: SignalSource
  readonly #stop: () => void
  readonly #exits: boolean
  #hasCome = false
  #appListens = false
  #interruptedAt: number | undefined

  private constructor(source: SignalSource, stop: () => void, exits: boolean) {
    this.#source = source
    this.#stop = stop
    this.#exits = exits
  }

  /** Listens from now on, and calls `stop` for each signal. */
  static listen(
    source: SignalSource,
    stop: () => void,
    { exits = false }: StopSignalsOptions = {},
  ): StopSignals {
    const signals = new StopSignals(source, stop, exits)
    running.add(signals)
    for (const listener of [signals.#onTerminate, signals.#onInterrupt]) listeners.add(listener)
    source.on('SIGTERM', signals.#onTerminate)
    source.on('SIGINT', signals.#onInterrupt)
    return signals
  }

  /**
   * The server has stopped. After a signal the listeners stay: the process may still close a database, and a process
   * manager that repeats SIGTERM would end it by the signal's default action. The process ends by itself when nothing
   * keeps it alive, and after {@link EXIT_TIMEOUT_MS} in any case, unless the app has its own listener for the signal.
   */
  release(): void {
    running.delete(this)
    if (!this.#hasCome) this.ignore()
    else if (this.#exits) this.#source.exit(0)
    else if (!this.#appListens && running.size === 0) systemClock.after(EXIT_TIMEOUT_MS, this.#exit)
  }

  /** Stops listening, whether or not a signal came. */
  ignore(): void {
    this.#source.off('SIGTERM', this.#onTerminate)
    this.#source.off('SIGINT', this.#onInterrupt)
  }

  #come(signal: Signal): void {
    this.#hasCome = true
    this.#appListens ||= this.#source.listeners(signal).some((listener) => !listeners.has(listener))
  }

  readonly #exit = () => {
    console.error(
      `sser: the servers have stopped ${EXIT_TIMEOUT_MS} ms ago and the process still runs: it ends now. To end it otherwise, listen to SIGTERM and SIGINT in the app`,
    )
    this.#source.exit(0)
  }

  readonly #onTerminate = () => {
    this.#come('SIGTERM')
    this.#stop()
  }

  readonly #onInterrupt = () => {
    this.#come('SIGINT')
    const now = performance.now()
    if (this.#interruptedAt === undefined) {
      this.#interruptedAt = now
      this.#stop()
    } else if (now - this.#interruptedAt >= SAME_KEY_PRESS_MS) {
      console.error('sser: a second SIGINT: the process ends at once, without waiting for its connections')
      this.#source.exit(INTERRUPTED)
    }
  }
}
