type Signal = 'SIGTERM' | 'SIGINT'

/** The part of a runtime's `process` that signals need. */
export interface SignalSource {
  on(signal: Signal, listener: () => void): unknown
  off(signal: Signal, listener: () => void): unknown
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
/** 128 + 2, as shells report a process that SIGINT ended. */
const INTERRUPTED = 130

/** SIGTERM and SIGINT stop a server; a second SIGINT ends the process at once. */
export class StopSignals {
  readonly #source: SignalSource
  readonly #stop: () => void
  readonly #exits: boolean
  #hasCome = false
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
    source.on('SIGTERM', signals.#onTerminate)
    source.on('SIGINT', signals.#onInterrupt)
    return signals
  }

  /**
   * The server has stopped. After a signal the listeners stay: the process may still close a database, and a process
   * manager that repeats SIGTERM would end it by the signal's default action.
   */
  release(): void {
    if (!this.#hasCome) this.ignore()
    else if (this.#exits) this.#source.exit(0)
  }

  /** Stops listening, whether or not a signal came. */
  ignore(): void {
    this.#source.off('SIGTERM', this.#onTerminate)
    this.#source.off('SIGINT', this.#onInterrupt)
  }

  readonly #onTerminate = () => {
    this.#hasCome = true
    this.#stop()
  }

  readonly #onInterrupt = () => {
    this.#hasCome = true
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
