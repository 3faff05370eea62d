import { get } from 'node:http'
import { EventSourceClient, FetchClient, type ProxiedClient } from './client.ts'
import type { Product } from './products.ts'
import { configOf, ReverseProxy } from './reverse-proxy.ts'

/** Of each kind, in front of the settings that the example has. */
const CLIENTS = 4
/** In front of the control: so many that one of them meets a Pod that crashed. */
const CONTROL_CLIENTS = 8

/** One proxy, the clients behind it, and the events that they received. */
export class Lane {
  readonly product: Product
  readonly isControl: boolean
  readonly proxy: ReverseProxy
  readonly clients: ProxiedClient[] = []
  #closed: number | undefined

  private constructor(product: Product, isControl: boolean, proxy: ReverseProxy) {
    this.product = product
    this.isControl = isControl
    this.proxy = proxy
  }

  /** Starts the proxy: as the example says, or as a control without the settings that matter. */
  static async start(
    product: Product,
    program: string,
    place: { host: string; podPrefix: string; isControl: boolean },
  ): Promise<Lane> {
    const { host, podPrefix, isControl } = place
    const example = configOf(product, host, podPrefix)
    const config = isControl ? (product.withDefaults?.(example) ?? example) : example
    if (isControl && config === example) throw new Error(`${product.file} lacks what its control leaves out`)
    return new Lane(product, isControl, await ReverseProxy.start(product, program, host, config))
  }

  connect(stream: string): void {
    const url = this.urlOf(stream)
    const count = this.isControl ? CONTROL_CLIENTS : CLIENTS
    for (let i = 0; i < count; i += 1) {
      this.clients.push(new EventSourceClient(url))
      if (!this.isControl) this.clients.push(new FetchClient(url))
    }
  }

  urlOf(stream: string): string {
    return `${this.proxy.url}/events?stream=${stream}`
  }

  /** Clients that have given up for good. */
  get closed(): number {
    return this.#closed ?? this.clients.filter(({ isClosed }) => isClosed).length
  }

  /** Closes its clients; the events received until now count. */
  leave(): void {
    this.#closed = this.closed
    for (const client of this.clients) client.close()
  }

  /** The shortest time of an event through the proxy: a busy machine makes it longer, never shorter. */
  get shortestDelayMs(): number {
    return Math.min(...this.clients.flatMap(({ delaysMs }) => delaysMs))
  }

  /** Whether every client has all `count` events. */
  hasAll(count: number): boolean {
    return this.clients.every((client) => client.missing(count) === 0)
  }

  /** Opens an event stream as a browser does; resolves with a function that closes its connection as a browser's tab does. */
  openAndLeave(stream: string): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const headers = { accept: 'text/event-stream' }
      const request = get(this.urlOf(stream), { agent: false, headers }, (response) => {
        response.on('error', () => {})
        response.once('data', () => resolve(() => request.destroy()))
      })
      request.on('error', reject)
    })
  }

  async stop(): Promise<void> {
    this.leave()
    await this.proxy.stop()
  }
}
