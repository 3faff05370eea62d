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
  /** True if something else keeps the process alive, so that it must exit once a signal has stopped the server. */
  exits?: boolean | undefined
}

/**
 * Signals within this time are one, in milliseconds. A terminal sends SIGINT to every process of the group, and `npm start` passes
 * its own on. Process managers such as nodemon, and `npm start` in a container, forward SIGTERM more than once.
 */
const SAME_SIGNAL_MS: Readonly<Record<Signal, number>> = { SIGINT: 100, SIGTERM: 1_000 }
/**
 * How long the process may live on after a signal has stopped its servers, in milliseconds, for the resources that the
 * app closes. It is part of the grace period.
 */
const EXIT_TIMEOUT_MS = 5_000
/** 128 and the number of the signal, as shells report a process that it ended. */
const EXIT_CODES: Readonly<Record<Signal, number>> = { SIGINT: 130, SIGTERM: 143 }

/** Listeners of this module: all others are the app's. */
const listeners = new WeakSet<object>()
/** Servers that have not stopped yet: one process may have several. */
const running = new Set<StopSignals>()

/**
 * SIGTERM and SIGINT stop a server; a second one ends the process at once. An app without a listener of its own would
 * otherwise live on until SIGKILL, where a pool of connections or a timer keeps the process alive.
 */
export class StopSignals {
  readonly #source: SignalSource
  readonly #stop: (signal: Signal) => void
  readonly #exits: boolean
  #appListens = false
  /** Time of the first signal. */
  #cameAt: number | undefined

  private constructor(source: SignalSource, stop: (signal: Signal) => void, exits: boolean) {
    this.#source = source
    this.#stop = stop
    this.#exits = exits
  }

  /** Listens from now on, and calls `stop` for the first signal. */
  static listen(
    source: SignalSource,
    stop: (signal: Signal) => void,
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
    if (this.#cameAt === undefined) this.ignore()
    else if (this.#exits) this.#source.exit(0)
    else if (!this.#appListens && running.size === 0) systemClock.after(EXIT_TIMEOUT_MS, this.#exit)
  }

  /** Stops listening, whether or not a signal came. */
  ignore(): void {
    this.#source.off('SIGTERM', this.#onTerminate)
    this.#source.off('SIGINT', this.#onInterrupt)
  }

  readonly #exit = () => {
    console.error(
      `sser: the servers have stopped ${EXIT_TIMEOUT_MS} ms ago and the process still runs: it ends now. To end it otherwise, listen to SIGTERM and SIGINT in the app`,
    )
    this.#source.exit(0)
  }

  readonly #onTerminate = () => this.#onSignal('SIGTERM')
  readonly #onInterrupt = () => this.#onSignal('SIGINT')

  #onSignal(signal: Signal): void {
    this.#appListens ||= this.#source.listeners(signal).some((listener) => !listeners.has(listener))
    const now = performance.now()
    if (this.#cameAt === undefined) {
      this.#cameAt = now
      this.#stop(signal)
    } else if (now - this.#cameAt >= SAME_SIGNAL_MS[signal]) {
      console.error(`sser: a second signal, ${signal}: the process ends at once, without waiting any longer`)
      this.#source.exit(EXIT_CODES[signal])
    }
  }
}
