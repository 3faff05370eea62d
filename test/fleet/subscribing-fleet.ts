import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Receipt } from '../../src/index.ts'
import { type Due, Ledger, messageOf } from '../soak/ledger.ts'
import { PodProcess, type Runtime } from '../support/pod-process.ts'
import type { StreamClient } from '../support/stream-client.ts'

const STREAMS = ['0', '1', '2', '3', '4']
const SEND_EVERY_MS = 40
const SCRIPT = fileURLToPath(new URL('./subscribing-pod.ts', import.meta.url))
/** A surviving Pod may lack for a quarter of the log's age the events of a killed Pod that another survivor has. */
const env = {
  OPTIONS: JSON.stringify({
    retryMs: 100,
    logMaxAgeMs: 20_000,
    initialSyncTimeoutMs: 60_000,
    drainTimeoutMs: 200,
  }),
}

/** Even loops have one stream, the others two. */
export function streamsOf(index: number): number[] {
  const first = index % STREAMS.length
  return index % 2 === 0 ? [first] : [first, (first + 2) % STREAMS.length]
}

/** A process of a Pod, and the events that it sends: bursts of an event to each stream, one burst after another. */
export class SubscribingPod {
  readonly number: number
  readonly pod: PodProcess
  /** Last number of each stream that has a receipt, and that every peer had by its receipt. */
  #accepted = 0
  #everywhere = 0
  #isKilled = false
  #bursts = 0
  #isSending = false
  #timer: NodeJS.Timeout | undefined

  private constructor(number: number, pod: PodProcess) {
    this.number = number
    this.pod = pod
  }

  static async start(
    number: number,
    options: { runtime: Runtime; host: string; peers: string[]; onLine(line: string): void },
  ): Promise<SubscribingPod> {
    const onSpawn = ({ stdout }: ChildProcess) => {
      let rest = ''
      stdout?.on('data', (chunk: Buffer) => {
        const lines = (rest + chunk.toString()).split('\n')
        rest = lines.pop() as string
        for (const line of lines) options.onLine(line)
      })
    }
    return new SubscribingPod(number, await PodProcess.start({ ...options, script: SCRIPT, env, onSpawn }))
  }

  get accepted(): number {
    return this.#accepted * STREAMS.length
  }

  /** Whether a burst waits for its receipts. */
  get isSending(): boolean {
    return this.#isSending
  }

  get due(): Due {
    const last = this.#isKilled ? this.#everywhere : this.#accepted
    return { incarnation: this.number, promised: STREAMS.map(() => last), isOver: false }
  }

  send(): void {
    this.#timer = setInterval(() => void this.#burst(), SEND_EVERY_MS)
  }

  rest(): void {
    clearInterval(this.#timer)
  }

  /** Ends the process while it sends. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | NodeJS.Signals | null> {
    this.#isKilled = signal === 'SIGKILL'
    const how = await this.pod.kill(signal)
    this.rest()
    return how
  }

  async #burst(): Promise<void> {
    if (this.#isSending) return
    this.#isSending = true
    this.#bursts += 1
    const number = this.#bursts
    // Odd bursts in the opposite order, so that an id can be the last before an event of its own stream.
    const streams = number % 2 === 0 ? STREAMS : STREAMS.toReversed()
    const events = streams.map((stream) => [stream, messageOf(this.number, Number(stream), number)])
    try {
      const receipts = (await this.pod.post('/burst', events)) as Receipt[]
      this.#accepted = number
      if (receipts.every(({ peers }) => peers.every(({ status }) => status === 'delivered')))
        this.#everywhere = number
      this.#isSending = false
    } catch {
      // The Pod has stopped, so the outcome of this burst is unknown, and a later one would have no meaning.
      this.rest()
      this.#isSending = false
    }
  }
}

/** A loop in a Pod, which its consumer begins again on another Pod when it ends. */
export class Subscriber {
  readonly name: string
  readonly streams: readonly number[]
  readonly ledger: Ledger
  /** Place of the Pod that it is on. */
  place: number
  /** Whether the loop has ended without an error. */
  hasEnded = false
  items = 0
  #lastId: string | undefined

  constructor(index: number, place: number, onFault: (fault: string) => void) {
    this.name = `${index}`
    this.streams = streamsOf(index)
    this.place = place
    this.ledger = new Ledger(this.streams, (fault, what) => onFault(`subscriber ${index}: ${fault}: ${what}`))
  }

  async subscribe({ pod }: SubscribingPod, place: number): Promise<void> {
    this.place = place
    this.hasEnded = false
    const query = new URLSearchParams([
      ['name', this.name],
      ...this.streams.map((stream) => ['stream', `${stream}`]),
      ...(this.#lastId === undefined ? [] : [['after', this.#lastId]]),
    ])
    await pod.post(`/subscribe?${query}`, undefined)
  }

  /** Takes an item that its loop received. */
  take(id: string, type: string, text: string): void {
    this.#lastId = id
    this.items += 1
    if (type === 'gap') this.ledger.takeGap()
    else this.ledger.take(text)
  }
}

/** An HTTP client, and the ledger of what it has received. */
export class LedgerClient {
  readonly client: StreamClient
  readonly ledger: Ledger
  #taken = 0

  constructor(client: StreamClient, onFault: (fault: string) => void) {
    this.client = client
    const report = (fault: string, what: string) => onFault(`client of ${client.streams}: ${fault}: ${what}`)
    this.ledger = new Ledger(client.streams.map(Number), report)
  }

  /** Number of due events that it has not received, without a gap. */
  lacking(due: readonly Due[]): number {
    const { received, gapNotices } = this.client
    for (; this.#taken < received.length; this.#taken += 1) {
      while ((gapNotices[this.ledger.gaps]?.received ?? Number.POSITIVE_INFINITY) <= this.#taken)
        this.ledger.takeGap()
      this.ledger.take((received[this.#taken] as { msg: string }).msg)
    }
    while (this.ledger.gaps < gapNotices.length) this.ledger.takeGap()
    return this.ledger.lacking(due)
  }
}
