import type { Clock } from '../clock.ts'
import { DEFAULT_HEARTBEAT_MS } from '../wire/sse-frame.ts'
import { ClientError } from './error.ts'
import { openSource } from './open-source.ts'
import type { ConnectOptions } from './options.ts'
import { Observable, type Readable } from './readable.ts'
import { pageClock } from './settings.ts'
import type { ConnectionState, Source, SourceItem } from './source.ts'
import { type StreamListener, type StreamOptions, Subscription } from './subscription.ts'
import type { Page } from './wakes.ts'

/** Options that tests use. */
export interface Internals {
  clock?: Clock | undefined
  page?: Page | undefined
}

/** One stream of a client. */
export interface Stream<T> {
  readonly name: string
  /** Calls `listener` for each event until the returned function is called. */
  on(listener: StreamListener<T>): () => void
}

/** Delivers the events of an endpoint. The connection begins with the first listener. */
export class Client {
  /** The state of the connection. */
  readonly state: Readable<ConnectionState>
  readonly #source: Source
  readonly #options: ConnectOptions
  readonly #state: Observable<ConnectionState>
  readonly #subscriptions = new Map<string, Set<Subscription<unknown>>>()
  /** The streams that the connection covers. */
  #covered: ReadonlySet<string> = new Set()

  constructor(
    url: string,
    options: ConnectOptions,
    { clock = pageClock, page = globalThis as Page }: Internals = {},
  ) {
    this.#options = options
    const { headers } = options
    this.#source = openSource({
      url,
      headers: typeof headers === 'function' ? headers : headers && (() => headers),
      credentials: options.credentials,
      fetch: options.fetch ?? ((input, init) => fetch(input, init)),
      heartbeatMs: options.heartbeatMs ?? DEFAULT_HEARTBEAT_MS,
      share: options.share ?? true,
      user: options.user,
      clock,
      page,
    })
    this.#state = new Observable(this.#source.state.state)
    this.state = this.#state
    this.#source.listen((item) => this.#receive(item))
  }

  /** A stream of JSON values of the type `T`. */
  stream<T = unknown>(name: string, options: StreamOptions<T> = {}): Stream<T> {
    return { name, on: (listener) => this.#subscribe(name, listener, options) }
  }

  /** Connects at once, also where the client has stopped, for example after a new login. */
  reconnect(): void {
    this.#source.reconnect()
  }

  /** Ends the connection and all listeners, for good. */
  close(): void {
    this.#subscriptions.clear()
    this.#source.close()
  }

  #subscribe<T>(name: string, listener: StreamListener<T>, options: StreamOptions<T>): () => void {
    const subscription = new Subscription(listener, options, (error) => this.#options.onError?.(error))
    const entry = subscription as Subscription<unknown>
    const set = this.#subscriptions.get(name) ?? new Set()
    this.#subscriptions.set(name, set.add(entry))
    if (set.size === 1) this.#setStreams()
    else if (this.#covered.has(name)) entry.onOpen()
    return () => {
      if (!set.delete(entry) || set.size > 0) return
      this.#subscriptions.delete(name)
      this.#setStreams()
    }
  }

  #setStreams(): void {
    this.#source.setStreams([...this.#subscriptions.keys()])
  }

  #receive(item: SourceItem): void {
    if (item.type === 'event') {
      for (const each of this.#subscriptions.get(item.stream) ?? []) each.onEvent(item)
    } else if (item.type === 'open') {
      this.#covered = new Set(item.streams)
      for (const name of item.streams) for (const each of this.#subscriptions.get(name) ?? []) each.onOpen()
    } else if (item.type === 'gap') {
      this.#options.onGap?.(item)
      for (const set of this.#subscriptions.values()) for (const each of set) each.onGap(item.reason)
    } else if (item.type === 'state') {
      if (item.error !== undefined) this.#options.onError?.(new ClientError(item.error))
      this.#state.set(item.state)
    }
  }
}
