import { createParser, type EventSourceMessage } from 'eventsource-parser'
import type { Subscription } from '../../src/index.ts'
import type { Oracle } from './oracle.ts'
import type { Incarnation, Pod } from './pod.ts'
import type { Random } from './random.ts'
import type { Time } from './time.ts'

const decoder = new TextDecoder()

/**
 * An EventSource on virtual time: it reads, stores the last id, and reconnects to a random Pod. A loop is a subscription in the
 * process of the Pod instead, which takes the ids that an EventSource does.
 */
export class Client {
  readonly name: string
  readonly isLoop: boolean
  readonly streams: readonly string[]
  lastEventId = ''
  /** Start of the open connection. */
  connectedAt = 0
  resumes = 0
  readonly #pods: readonly Pod[]
  readonly #time: Time
  readonly #random: Random
  readonly #oracle: Oracle
  #incarnation: Incarnation | undefined
  #cancel: (() => void) | undefined
  /** Number of connection attempts; callbacks of an earlier attempt compare it, and return. */
  #attempt = 0
  #stalledUntil = 0
  #awayUntil = 0

  constructor(
    index: number,
    streams: readonly string[],
    {
      pods,
      time,
      random,
      oracle,
      isLoop,
    }: { pods: readonly Pod[]; time: Time; random: Random; oracle: Oracle; isLoop: boolean },
  ) {
    this.name = `${isLoop ? 'loop' : 'client'}${index}`
    this.isLoop = isLoop
    this.streams = streams
    this.#pods = pods
    this.#time = time
    this.#random = random
    this.#oracle = oracle
    this.scheduleConnect(0)
  }

  get isConnected(): boolean {
    return this.#incarnation !== undefined
  }

  get address(): string | undefined {
    return this.#incarnation?.address
  }

  /** Its Pod has crashed: bytes in flight are lost, and the client reconnects. */
  onPodCrash(address: string): void {
    if (this.#incarnation?.address === address) this.#leave()
  }

  reconnect(): void {
    if (this.#incarnation !== undefined) this.#leave()
  }

  goOffline(ms: number): void {
    this.#awayUntil = Math.max(this.#awayUntil, this.#time.now + ms)
    this.#leave()
  }

  stall(ms: number): void {
    this.#stalledUntil = Math.max(this.#stalledUntil, this.#time.now + ms)
  }

  scheduleConnect(afterMs: number): void {
    const attempt = ++this.#attempt
    this.#time.after(Math.max(afterMs, this.#awayUntil - this.#time.now), () => {
      if (attempt === this.#attempt) this.#connect(attempt)
    })
  }

  #leave(): void {
    this.#incarnation = undefined
    this.#cancel?.()
    this.#cancel = undefined
    this.scheduleConnect(this.#random.int(50, 1_500))
  }

  #connect(attempt: number): void {
    const pod = this.#random.pick(this.#pods)
    const incarnation = pod.incarnation
    if (incarnation === undefined || !pod.isReady || (this.isLoop && incarnation.current === undefined))
      return this.scheduleConnect(this.#random.int(50, 500))
    if (this.isLoop) return this.#subscribe(attempt, incarnation)
    const query = this.streams.map((stream) => `stream=${stream}`).join('&')
    const headers = new Headers(this.lastEventId === '' ? {} : { 'last-event-id': this.lastEventId })
    const request = { method: 'GET', url: `http://pod/?${query}`, headers } as Request
    const response = incarnation.sser.routes.fetch(request) as Response
    if (this.lastEventId !== '') this.resumes += 1
    this.#incarnation = incarnation
    this.connectedAt = this.#time.now
    this.#oracle.connected(this, incarnation, response.headers.get('sser-resume'))
    void this.#read(attempt, incarnation, response.body as ReadableStream<Uint8Array>)
  }

  #subscribe(attempt: number, incarnation: Incarnation): void {
    const after = this.lastEventId === '' ? undefined : this.lastEventId
    if (after !== undefined) this.resumes += 1
    this.#incarnation = incarnation
    this.connectedAt = this.#time.now
    this.#oracle.connected(this, incarnation, null)
    const subscription = incarnation.current?.subscribe(this.streams, { after })
    if (subscription !== undefined) void this.#loop(attempt, subscription)
  }

  async #loop(attempt: number, subscription: Subscription): Promise<void> {
    this.#cancel = () => void subscription.return()
    for (;;) {
      const waitMs = this.#stalledUntil - this.#time.now
      if (waitMs > 0) await new Promise<void>((resolve) => void this.#time.after(waitMs, resolve))
      if (attempt !== this.#attempt) return
      const { done, value } = await subscription.next()
      if (attempt !== this.#attempt) return
      if (done || value === undefined) {
        this.#incarnation = undefined
        return this.scheduleConnect(this.#random.int(50, 1_500))
      }
      if (value.type === 'gap') this.#receive({ id: value.id, event: 'sser-gap', data: value.reason })
      else this.#receive({ id: value.id, event: undefined, data: value.data })
    }
  }

  async #read(attempt: number, incarnation: Incarnation, body: ReadableStream<Uint8Array>): Promise<void> {
    // A middleware may hold a response back before anything reads its body.
    if (this.#random.chance(0.3)) {
      this.#cancel = () => void body.cancel()
      await new Promise<void>((resolve) => void this.#time.after(this.#random.int(1, 2_000), resolve))
      if (attempt !== this.#attempt) return
    }
    const reader = body.getReader()
    this.#cancel = () => void reader.cancel().catch(() => {})
    const parser = createParser({ onEvent: (event) => this.#receive(event) })
    for (;;) {
      const waitMs = this.#stalledUntil - this.#time.now
      if (waitMs > 0) await new Promise<void>((resolve) => void this.#time.after(waitMs, resolve))
      if (attempt !== this.#attempt) return
      const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }))
      if (attempt !== this.#attempt) return
      if (done || value === undefined) {
        if (this.#stalledUntil < this.connectedAt) this.#oracle.ended(this, incarnation)
        this.#incarnation = undefined
        return this.scheduleConnect(this.#random.int(50, 1_500))
      }
      parser.feed(decoder.decode(value))
    }
  }

  #receive({ id, event, data }: EventSourceMessage): void {
    if (id !== undefined) this.lastEventId = id
    this.#oracle.received(this, { id, event, data })
  }
}
