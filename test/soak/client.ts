import { type Agent, type ClientRequest, get } from 'node:http'
import { createParser } from 'eventsource-parser'
import { type Fault, Ledger } from './ledger.ts'

/** Maximum time that a client stays away: the default of EventSource. */
const AWAY_MS = 2_000

/** Counts of all clients together. */
export class Counters {
  events = 0
  /** Connections that a Pod greeted, and the resumed ones among them. */
  greetings = 0
  resumes = 0
  /** Connections that ended without the client's doing, or never began. */
  cuts = 0
  readonly errors: Record<Fault, number> = { lost: 0, twice: 0, disordered: 0, stray: 0 }
  /** The first of the errors, in words. */
  readonly examples: string[] = []

  fault(fault: Fault, what: string, count: number): void {
    this.errors[fault] += count
    if (this.examples.length < 20) this.examples.push(`${fault}: ${what}`)
  }
}

/** URLs of the Pods, and objects that the clients share. */
export interface Surroundings {
  urls: readonly string[]
  counters: Counters
  agent: Agent
}

/** One client, which comes back to any Pod with its last id whenever its connection ends. */
export class SoakClient {
  readonly ledger: Ledger
  readonly #streams: readonly number[]
  readonly #surroundings: Surroundings
  #request: ClientRequest | undefined
  #id = ''
  #isGreeted = false
  #isClosed = false

  constructor(number: number, streams: readonly number[], surroundings: Surroundings) {
    this.#streams = streams
    this.#surroundings = surroundings
    this.ledger = new Ledger(streams, (fault, what, count) => {
      const { host } = this.#request ?? {}
      const at = new Date().toISOString()
      surroundings.counters.fault(
        fault,
        `${what}; client ${number}, id ${this.#id}, at ${host}, ${at}`,
        count,
      )
    })
    this.#connect()
  }

  get isGreeted(): boolean {
    return this.#isGreeted
  }

  /** Its connection ends without a goodbye; it comes back. */
  leave(): void {
    this.#isGreeted = false
    const request = this.#request
    this.#request = undefined
    if (request === undefined) return
    if (Math.random() < 0.5) request.destroy()
    else request.socket?.resetAndDestroy()
    if (!this.#isClosed) setTimeout(() => this.#connect(), Math.random() * AWAY_MS)
  }

  close(): void {
    this.#isClosed = true
    this.leave()
  }

  #connect(): void {
    if (this.#isClosed) return
    const { urls, counters, agent } = this.#surroundings
    const url = urls[Math.floor(Math.random() * urls.length)] as string
    const query = this.#streams.map((stream) => `stream=${stream}`).join('&')
    const headers: Record<string, string> = { accept: 'text/event-stream' }
    if (this.#id !== '') headers['last-event-id'] = this.#id
    const request = get(`${url}/events?${query}`, { agent, headers })
    this.#request = request
    const parser = createParser({ onEvent: (event) => this.#take(event) })
    request.on('response', (response) => {
      if (response.statusCode !== 200) counters.fault('stray', `an answer of ${response.statusCode}`, 1)
      if (response.headers['sser-resume'] === 'complete') counters.resumes += 1
      response.setEncoding('utf8')
      response.on('error', () => {})
      response.on('data', (text: string) => {
        if (this.#request === request) parser.feed(text)
      })
    })
    request.on('error', () => {})
    request.on('close', () => {
      if (this.#request !== request) return
      counters.cuts += 1
      this.leave()
    })
  }

  #take({ id, event, data }: { id?: string | undefined; event?: string | undefined; data: string }): void {
    const { counters } = this.#surroundings
    if (id !== undefined) this.#id = id
    if (!this.#isGreeted) {
      this.#isGreeted = true
      counters.greetings += 1
    }
    if (event === undefined) {
      counters.events += 1
      this.ledger.take(data)
    } else if (event === 'sser-gap') {
      this.ledger.takeGap()
      if (counters.examples.length < 20)
        counters.examples.push(`gap ${data} from ${this.#request?.host}, id ${id}`)
    }
  }
}
