import { randomUUID } from 'node:crypto'
import { Agent, request } from 'undici'
import type { Receipt } from '../../src/index.ts'

const ANSWER_MS = 10_000

/** One event that was sent, and what the Pod said to it. */
export interface Sent {
  stream: string
  /** Unlike any other. */
  msg: string
  /** On the clock of this process. */
  at: number
  /** Undefined where no answer came: then nobody knows what became of the event. */
  receipt: Receipt | undefined
  /** Its Pod was killed: of what it had said delivered nowhere, nothing is promised any more. */
  isOrphan: boolean
}

export interface SenderOptions {
  /** The Pod. */
  name: string
  url: string
  streams: readonly string[]
  perSecond: number
}

/** Sends through one Pod at a steady rate, whether answers come or not, until it is stopped. */
export class Sender {
  readonly sent: Sent[] = []
  readonly #options: SenderOptions
  /** A Pod may have had a sender before. */
  readonly #tag = randomUUID().slice(0, 4)
  /** A connection for each request that is in flight, and none that outlives the Pod. */
  readonly #agent = new Agent()
  readonly #pending = new Set<Promise<void>>()
  readonly #timer: NodeJS.Timeout

  constructor(options: SenderOptions) {
    this.#options = options
    const { streams, perSecond } = options
    const next = () => this.#send(streams[this.sent.length % streams.length] as string)
    this.#timer = setInterval(next, 1_000 / perSecond)
  }

  /** Sends one last event to each stream; resolves when every answer is there. */
  finish(): Promise<void> {
    for (const stream of this.#options.streams) this.#send(stream)
    return this.stop()
  }

  /** Sends no more; resolves when every answer is there. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#pending)
    await this.#agent.destroy()
  }

  /** The Pod is being killed. */
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
      // The Pod is gone, or out of reach.
    }
  }
}
