import { type Sser, serverSideOf } from '../sser.ts'

/** An app of Hono, or any other object with the same `fetch`. */
export interface App {
  fetch(request: Request): Response | Promise<Response>
}

export interface FleetPodOptions {
  name: string
  createSser(): Sser
  createApp(sser: Sser): App
  /** Lets time pass while a Pod starts. */
  during<T>(work: Promise<T>): Promise<T>
}

/** One Pod of a fleet in memory. */
export class FleetPod {
  /** Host name of the Pod; receipts and `peers` name it with the port, as `pod-1:7000`. */
  readonly name: string
  readonly #options: FleetPodOptions
  #sser: Sser
  #app: App
  #isRunning = true

  constructor(options: FleetPodOptions) {
    this.name = options.name
    this.#options = options
    this.#sser = options.createSser()
    this.#app = options.createApp(this.#sser)
  }

  /** The instance; another one after {@link restart}. */
  get sser(): Sser {
    return this.#sser
  }

  /** False between {@link kill} and {@link restart}, and after `sser.stop()`. */
  get isRunning(): boolean {
    return this.#isRunning && this.#sser.state !== 'stopped'
  }

  /**
   * Sends a request of a client to the Pod's app, as `app.request()` of Hono does.
   * @param input A `Request`, a URL, or a path.
   * @throws TypeError where the Pod does not run, as `fetch()` does.
   */
  async request(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    if (!this.isRunning)
      throw new TypeError('fetch failed', { cause: new Error(`connect ECONNREFUSED ${this.name}`) })
    const request = input instanceof Request ? input : new URL(input, `http://${this.name}`)
    return this.#app.fetch(new Request(request, init))
  }

  /**
   * Ends the Pod as SIGKILL does: no drain, no handover to the peers, and its log is lost. Responses to its clients end.
   * For a stop as by SIGTERM call `sser.stop()`.
   */
  kill(): void {
    this.#isRunning = false
    serverSideOf(this.#sser)?.kill()
  }

  /**
   * Starts a new instance under the same name, which fetches the log of a peer; kills the old one before, if it runs.
   * Await {@link Fleet.connected} where the next `send()` must reach all Pods.
   */
  async restart(): Promise<void> {
    this.kill()
    this.#sser = this.#options.createSser()
    this.#app = this.#options.createApp(this.#sser)
    this.#isRunning = true
    await this.#options.during(this.#sser.start())
  }
}
