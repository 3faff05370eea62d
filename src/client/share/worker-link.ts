import type { Clock } from '../../clock.ts'
import type { Link, LinkHandlers, TabMessage } from './messages.ts'

/** Time in which the worker's script must have loaded, in milliseconds. */
const START_MS = 5_000

/** Type of the port's first message. */
export const HELLO = 'hello'

/** The part of a SharedWorker that the link uses. */
export interface SharedWorkerLike {
  readonly port: MessagePort
  onerror: ((event: Event) => void) | null
}

/** The lock that the worker of this name holds for as long as it runs. */
export function workerLock(name: string): string {
  return `${name} worker`
}

/** Parts of the browser that the link uses. */
export interface WorkerPlatform {
  /** @throws where the page may start no such worker. */
  openWorker(): SharedWorkerLike
  /** Undefined where the context is not secure: then only the silence tells that the worker has crashed. */
  locks: LockManager | undefined
}

/** The hub runs in a SharedWorker. */
export class WorkerLink implements Link {
  readonly #name: string
  readonly #platform: WorkerPlatform
  readonly #handlers: LinkHandlers
  readonly #clock: Clock
  #port: MessagePort | undefined
  #cancelStart: (() => void) | undefined
  #hasStarted = false
  #abort = new AbortController()

  constructor(name: string, platform: WorkerPlatform, clock: Clock, handlers: LinkHandlers) {
    this.#name = name
    this.#platform = platform
    this.#handlers = handlers
    this.#clock = clock
    this.#start()
  }

  post(message: TabMessage): void {
    this.#port?.postMessage(message)
  }

  /** The browser starts a new worker where the old one has ended. */
  replaceHub(): void {
    this.close()
    this.#start()
  }

  close(): void {
    this.#cancelStart?.()
    this.#abort.abort()
    this.#port?.close()
    this.#port = undefined
  }

  #start(): void {
    this.#abort = new AbortController()
    const worker = this.#platform.openWorker()
    const { port } = worker
    this.#port = port
    const fail = () => {
      if (port === this.#port) this.#handlers.onUnavailable()
    }
    worker.onerror = (event) => {
      // An error after the start is one of the running script, which goes on.
      if (!this.#hasStarted) fail()
      event.preventDefault()
    }
    this.#hasStarted = false
    this.#cancelStart = this.#clock.after(START_MS, fail)
    port.onmessage = ({ data }) => {
      if (data?.type !== HELLO) return this.#handlers.onMessage(data)
      this.#cancelStart?.()
      this.#hasStarted = true
      this.#watchWorker()
      this.#handlers.onHub()
    }
  }

  /** Replaces a worker that has crashed, perhaps with the process of a tab: the browser releases its lock then. */
  #watchWorker(): void {
    const { signal } = this.#abort
    this.#platform.locks
      ?.request(workerLock(this.#name), { mode: 'shared', signal }, () => {
        if (!signal.aborted) this.replaceHub()
      })
      .catch(() => {})
  }
}
