import { randomUUID } from 'node:crypto'
import { Agent, request } from 'undici'
import type { Receipt } from '../../src/index.ts'

const ANSWER_MS = 10_000

/** One sent event, and the receipt of the Pod. */
export interface Sent {
  stream: string
  /** Unique among all events. */
  msg: string
  /** Time of the send, on the clock of this process. */
  at: number
  /** Undefined if no response arrived: the event may or may not have been delivered. */
  receipt: Receipt | undefined
  /** True if its Pod was killed: the event may then be lost, unless the receipt has a peer with `delivered`. */
  isOrphan: boolean
}

export interface SenderOptions {
  /** Name of the Pod. */
  name: string
  url: string
  streams: readonly string[]
  perSecond: number
}

/** Sends through one Pod at a steady rate until it is stopped, without waiting for responses. */
export class Sender {
  readonly sent: Sent[] = []
  readonly #options: SenderOptions
  /** Distinguishes the messages of this sender, because a Pod may have had a sender before. */
  readonly #tag = randomUUID().slice(0, 4)
  /** Opens a connection for each request in flight; none outlives the Pod. */
  readonly #agent = new Agent()
  readonly #pending = new Set<Promise<void>>()
  readonly #timer: NodeJS.Timeout

  constructor(options: SenderOptions) {
    this.#options = options
    const { streams, perSecond } = options
    const next = () => this.#send(streams[this.sent.length % streams.length] as string)
    this.#timer = setInterval(next, 1_000 / perSecond)
  }

  /** Sends one last event to each stream; resolves when every response has arrived. */
  finish(): Promise<void> {
    for (const stream of this.#options.streams) this.#send(stream)
    return this.stop()
  }

  /** Sends no more; resolves when every response has arrived. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#pending)
    await this.#agent.destroy()
  }

  /** Marks all events sent so far, because the Pod is being killed. */
  orphan(): void {
    for (const sent of this.sent) sent.isOrphan = true
  }

  #send(stream: string): void {
    const msg = `${this.#options.name} ${this.#tag} ${this.sent.length}`
    const sent: Sent = { stream, msg, at: performance.now(), receipt: undefined, isOrphan: false }
    this.sent.push(sent)
    const posting = this.#post(sent).finally(() => this.#pending.delete(posting))
    this.#pending.add(posting)
  }

  async #post(sent: Sent): Promise<void> {
    try {
      const url = `${this.#options.url}/send?stream=${sent.stream}`
      const { statusCode, body } = await request(url, {
        method: 'POST',
        body: sent.msg,
        dispatcher: this.#agent,
        signal: AbortSignal.timeout(ANSWER_MS),
      })
      const answer = await body.text()
      if (statusCode === 202) sent.receipt = JSON.parse(answer)
    } catch {
      // The Pod has stopped, or is unreachable.
    }
  }
}
