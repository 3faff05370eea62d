import type { Clock } from '../../clock.ts'
import type { HeadersContext, Settings } from '../options.ts'
import { StreamSource } from '../stream-source.ts'
import { Hub } from './hub.ts'
import { isTabMessage, type JoinMessage, type TabMessage } from './messages.ts'
import { Port } from './port.ts'
import { HELLO } from './worker-link.ts'

/** Time in which a tab must answer with headers, before another one is asked, in milliseconds. */
const HEADERS_MS = 5_000

/** Half of a frame: a message to a tab costs it more than an event. */
const BATCH_MS = 8

type Answer = Extract<TabMessage, { type: 'headers' }>

/** Settings of the connection that a worker knows by itself. */
export type HostSettings = Pick<Settings, 'url' | 'credentials' | 'fetch' | 'page'>

/** Runs the hub of a SharedWorker, and asks its tabs for headers, because the function for them is theirs. */
export class WorkerHost {
  readonly #settings: HostSettings
  readonly #clock: Clock
  readonly #answers = new Map<number, (answer: Answer) => void>()
  #requests = 0
  #hub: Hub | undefined

  constructor(settings: HostSettings, clock: Clock) {
    this.#settings = settings
    this.#clock = clock
  }

  /** Takes the port of a tab. */
  connect(channel: MessagePort): void {
    const port = new Port((message) => channel.postMessage(message), this.#clock.now())
    channel.onmessage = ({ data }) => {
      if (!isTabMessage(data)) return
      if (data.type === 'headers') return this.#answers.get(data.request)?.(data)
      if (data.type === 'join') this.#hub ??= this.#openHub(data)
      this.#hub?.receive(port, data)
    }
    channel.addEventListener('close', () => this.#hub?.leave(port))
    channel.postMessage({ type: HELLO })
  }

  #openHub({ heartbeatMs, hasHeaders }: JoinMessage): Hub {
    const source = new StreamSource({
      ...this.#settings,
      headers: hasHeaders ? (context) => this.#headers(context) : undefined,
      heartbeatMs,
      share: false,
      user: undefined,
      persist: false,
      clock: this.#clock,
    })
    return new Hub({ source, clock: this.#clock, heartbeatMs, batchMs: BATCH_MS })
  }

  async #headers({ status }: HeadersContext): Promise<Record<string, string>> {
    let error = 'no tab has answered'
    for (const port of this.#hub?.ports ?? []) {
      const answer = await this.#ask(port, status)
      if (answer?.headers !== undefined) return Object.fromEntries(answer.headers)
      error = answer?.error ?? error
    }
    throw new Error(error)
  }

  /** Asks a tab; undefined if it does not answer in time. */
  #ask(port: Port, status: number | undefined): Promise<Answer | undefined> {
    this.#requests += 1
    const request = this.#requests
    return new Promise((resolve) => {
      const settle = (answer: Answer | undefined) => {
        cancel()
        this.#answers.delete(request)
        resolve(answer)
      }
      const cancel = this.#clock.after(HEADERS_MS, () => settle(undefined))
      this.#answers.set(request, settle)
      port.post({ type: 'headers', request, status })
    })
  }
}
