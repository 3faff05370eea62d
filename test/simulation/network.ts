import type { Exchange, ExchangeHandler } from '../../src/transport/peer-transport.ts'
import { Exchanges } from './exchanges.ts'
import { leanRequest } from './lean-web.ts'
import type { Random } from './random.ts'
import type { Time } from './time.ts'

/** A Pod as the network sees it. */
export interface Endpoint {
  address: string
  isUp(): boolean
  /** End of its process pause; in the past without one. */
  pausedUntil(): number
  serve(request: Request): Response | Promise<Response>
  /** Takes an exchange; undefined: a Pod of a version without exchanges. */
  accept(exchange: Exchange): ExchangeHandler | undefined
}

/** Probability of each fault of a message. */
export interface FaultRates {
  dropRequest: number
  dropResponse: number
  duplicate: number
  delay: number
}

export const NO_FAULTS: FaultRates = { dropRequest: 0, dropResponse: 0, duplicate: 0, delay: 0 }

/** Carries requests between the Pods' real internal routes; faults delay, duplicate or drop them, also in one direction. */
export class Network {
  faults: FaultRates = NO_FAULTS
  readonly exchanges: Exchanges
  readonly #time: Time
  readonly #random: Random
  readonly #lateMs: number
  readonly #endpoints = new Map<string, Endpoint>()
  readonly #cut = new Set<string>()

  /**
   * `lateMs`: maximum delay of a message, twice. TCP delivers none after the sender's request has timed out. `stallMs`:
   * maximum delay of a message of an exchange, which may be of any age.
   */
  constructor(time: Time, random: Random, { lateMs, stallMs }: { lateMs: number; stallMs: number }) {
    this.#lateMs = lateMs
    this.#time = time
    this.#random = random
    this.exchanges = new Exchanges({
      time,
      random,
      lateMs,
      stallMs,
      faults: () => this.faults,
      isCut: (from, to) => this.#isCut(from, to),
      endpoint: (address) => this.#endpoints.get(address),
    })
  }

  attach(endpoint: Endpoint): void {
    this.#endpoints.set(endpoint.address, endpoint)
  }

  cut(from: string, to: string): void {
    this.#cut.add(`${from}>${to}`)
  }

  heal(): void {
    this.#cut.clear()
  }

  mend(from: string, to: string): void {
    this.#cut.delete(`${from}>${to}`)
  }

  /** The `fetch` of one incarnation of one Pod. */
  fetchFrom(source: Endpoint): (url: string, init: RequestInit) => Promise<Response> {
    return (url, init) =>
      new Promise((resolve, reject) => {
        const signal = init.signal as AbortSignal
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
        const { hostname, pathname } = splitUrl(url)
        const target = this.#endpoints.get(hostname)
        const answer = (status: number, text: string) => {
          if (this.#isCut(hostname, source.address) || this.#random.chance(this.faults.dropResponse)) return
          this.#deliver(source, () => resolve(new Response(text, { status })))
        }
        const fail = () => this.#deliver(source, () => reject(new TypeError('fetch failed')))
        if (this.#isCut(source.address, hostname)) return
        if (this.#random.chance(this.faults.dropRequest)) {
          if (this.#random.chance(0.5)) fail()
          return
        }
        const arrive = (isCopy: boolean) => {
          if (target === undefined || !target.isUp()) return isCopy ? undefined : fail()
          void exchange(target, pathname, init.body as string).then(
            ([status, text]) => isCopy || answer(status, text),
            fail,
          )
        }
        this.#deliver(target, () => arrive(false))
        if (this.#random.chance(this.faults.duplicate)) {
          this.#time.after(this.#random.int(1, this.#lateMs), () => this.#deliver(target, () => arrive(true)))
        }
      })
  }

  #isCut(from: string, to: string): boolean {
    return this.#cut.has(`${from}>${to}`)
  }

  /** A paused Pod receives the messages when the pause ends. */
  #deliver(to: Endpoint | undefined, callback: () => void): void {
    const isLate = this.#random.chance(this.faults.delay)
    this.#time.after(isLate ? this.#random.int(50, this.#lateMs) : this.#random.int(1, 8), () => {
      const waitMs = (to?.pausedUntil() ?? 0) - this.#time.now
      if (waitMs > 0) this.#time.after(waitMs + 1, callback)
      else callback()
    })
  }
}

async function exchange(target: Endpoint, pathname: string, body: string): Promise<[number, string]> {
  const response = await target.serve(leanRequest(`http://${target.address}${pathname}`, body))
  return [response.status, await response.text()]
}

function splitUrl(url: string): { hostname: string; pathname: string } {
  const slash = url.indexOf('/', 7)
  return { hostname: url.slice(7, url.indexOf(':', 7)), pathname: url.slice(slash) }
}
