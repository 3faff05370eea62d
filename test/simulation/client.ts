import { createParser, type EventSourceMessage } from 'eventsource-parser'
import type { Incarnation, Pod } from './pod.ts'
import type { Random } from './random.ts'
import type { Time } from './time.ts'
import type { Truth } from './truth.ts'

const decoder = new TextDecoder()

/** What an EventSource does, on virtual time: it reads, remembers the last id, and comes back, to whichever Pod. */
export class Client {
  readonly name: string
  readonly streams: readonly string[]
  lastEventId = ''
  /** When the connection was opened that is open now. */
  connectedAt = 0
  resumes = 0
  readonly #pods: readonly Pod[]
  readonly #time: Time
  readonly #random: Random
  readonly #truth: Truth
  #incarnation: Incarnation | undefined
  #cancel: (() => void) | undefined
  /** Counts connections, so that what belongs to an earlier one is told apart. */
  #turn = 0
  #stalledUntil = 0
  #awayUntil = 0

  constructor(
    index: number,
    streams: readonly string[],
    { pods, time, random, truth }: { pods: readonly Pod[]; time: Time; random: Random; truth: Truth },
  ) {
    this.name = `client${index}`
    this.streams = streams
    this.#pods = pods
    this.#time = time
    this.#random = random
    this.#truth = truth
    this.comeBack(0)
  }

  get isConnected(): boolean {
    return this.#incarnation !== undefined
  }

  get address(): string | undefined {
    return this.#incarnation?.address
  }

  /** Its Pod is gone: what was under way is lost, and it comes back. */
  lose(address: string): void {
    if (this.#incarnation?.address === address) this.#leave()
  }

  hop(): void {
    if (this.#incarnation !== undefined) this.#leave()
  }

  vanish(ms: number): void {
    this.#awayUntil = Math.max(this.#awayUntil, this.#time.now + ms)
    this.#leave()
  }

  stall(ms: number): void {
    this.#stalledUntil = Math.max(this.#stalledUntil, this.#time.now + ms)
  }

  comeBack(afterMs: number): void {
    const turn = ++this.#turn
    this.#time.after(Math.max(afterMs, this.#awayUntil - this.#time.now), () => {
      if (turn === this.#turn) this.#connect(turn)
    })
  }

  #leave(): void {
    this.#incarnation = undefined
    this.#cancel?.()
    this.#cancel = undefined
    this.comeBack(this.#random.int(50, 1_500))
  }

  #connect(turn: number): void {
    const pod = this.#random.pick(this.#pods)
    const incarnation = pod.incarnation
    if (incarnation === undefined || !pod.isReady) return this.comeBack(this.#random.int(50, 500))
    const query = this.streams.map((stream) => `stream=${stream}`).join('&')
    const headers = new Headers(this.lastEventId === '' ? {} : { 'last-event-id': this.lastEventId })
    const request = { method: 'GET', url: `http://pod/?${query}`, headers } as Request
    const response = incarnation.sser.routes.fetch(request) as Response
    if (this.lastEventId !== '') this.resumes += 1
    this.#incarnation = incarnation
    this.connectedAt = this.#time.now
    this.#truth.connected(this, incarnation, response.headers.get('sser-resume'))
    void this.#read(turn, incarnation, response.body as ReadableStream<Uint8Array>)
  }

  async #read(turn: number, incarnation: Incarnation, body: ReadableStream<Uint8Array>): Promise<void> {
    // A middleware may hold a response back before anything reads its body.
    if (this.#random.chance(0.3)) {
      this.#cancel = () => void body.cancel()
      await new Promise<void>((resolve) => void this.#time.after(this.#random.int(1, 2_000), resolve))
      if (turn !== this.#turn) return
    }
    const reader = body.getReader()
    this.#cancel = () => void reader.cancel().catch(() => {})
    const parser = createParser({ onEvent: (event) => this.#receive(event) })
    for (;;) {
      const waitMs = this.#stalledUntil - this.#time.now
      if (waitMs > 0) await new Promise<void>((resolve) => void this.#time.after(waitMs, resolve))
      if (turn !== this.#turn) return
      const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }))
      if (turn !== this.#turn) return
      if (done || value === undefined) {
        if (this.#stalledUntil < this.connectedAt) this.#truth.ended(this, incarnation)
        this.#incarnation = undefined
        return this.comeBack(this.#random.int(50, 1_500))
      }
      parser.feed(decoder.decode(value))
    }
  }

  #receive({ id, event, data }: EventSourceMessage): void {
    if (id !== undefined) this.lastEventId = id
    this.#truth.received(this, { id, event, data })
  }
}
