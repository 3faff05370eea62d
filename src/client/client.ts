import type { Clock } from '../clock.ts'
import { DEFAULT_HEARTBEAT_MS } from '../wire/sse-frame.ts'
import { ClientError, guarded, logError } from './error.ts'
import { type ConnectOptions, type Gap, pageClock, type Settings } from './options.ts'
import { Observable, type Readable } from './readable.ts'
import { Run, type RunContext, type RunOptions } from './run.ts'
import type { Snapshot } from './snapshot-loader.ts'
import type { ConnectionState, Source, SourceItem, SourceState } from './source.ts'
import { Stream } from './stream.ts'
import { StreamSource } from './stream-source.ts'
import type { AnySubscription, StreamOptions } from './subscription.ts'
import type { Page } from './wakes.ts'

/** Values that tests replace. */
export interface Internals {
  clock?: Clock | undefined
  page?: Page | undefined
}

/** Delivers the events of an endpoint. The connection begins with the first listener. */
export class Client {
  /** The state of the connection. */
  readonly state: Readable<ConnectionState>
  readonly #settings: Settings
  readonly #runs: RunContext
  /** Functions that end the loops of runs. */
  readonly #closers = new Set<() => void>()
  readonly #source: Source
  readonly #onGap: (gap: Gap) => void
  readonly #onError: (error: ClientError) => void
  readonly #state: Observable<ConnectionState>
  readonly #subscriptions = new Map<string, Set<AnySubscription>>()
  /** The streams that the connection covers. */
  #covered: ReadonlySet<string> = new Set()

  constructor(url: string, options: ConnectOptions, internals: Internals = {}) {
    this.#onGap = guarded(options.onGap)
    this.#onError = guarded(options.onError ?? logError)
    this.#settings = settingsOf(url, options, internals)
    this.#runs = {
      settings: this.#settings,
      cancelRun: options.cancelRun,
      onError: this.#onError,
      onClose: (close) => {
        this.#closers.add(close)
        return () => this.#closers.delete(close)
      },
    }
    this.#source = openSource(this.#settings)
    this.#state = new Observable(this.#source.state.state)
    this.state = this.#state
    this.#source.listen((item) => this.#receive(item))
  }

  /**
   * A stream of JSON values of the type `T`. With a schema, `T` is its output, and each payload is validated.
   * @example
   * client.stream<Order>('orders').on((order) => show(order))
   */
  stream<T = unknown, S extends Snapshot = Snapshot>(
    name: string,
    options: StreamOptions<T, S> = {},
  ): Stream<T, S> {
    const onError = options.onError === undefined ? this.#onError : guarded(options.onError)
    return new Stream(name, { ...options, onError }, this.#settings, (subscription) =>
      this.#add(name, subscription),
    )
  }

  /**
   * A run. Its loop has the chunks from the first one, as text, and ends with the run.
   * @example
   * for await (const text of client.run('chat:42')) answer.append(text)
   */
  run<T = string>(name: string, options: RunOptions<T> = {}): Run<T> {
    return new Run(name, options, this.#runs)
  }

  /** Connects at once, also where the client has stopped, for example after a new login. */
  reconnect(): void {
    this.#source.reconnect()
  }

  /** Ends the connection and all loops, for good. */
  close(): void {
    for (const set of [...this.#subscriptions.values()]) for (const each of [...set]) each.end()
    for (const close of [...this.#closers]) close()
    this.#source.close()
    this.#state.set('stopped')
  }

  #add(name: string, subscription: AnySubscription): () => void {
    const set = this.#subscriptions.get(name) ?? new Set()
    this.#subscriptions.set(name, set.add(subscription))
    if (set.size === 1) this.#setStreams()
    else if (this.#covered.has(name)) subscription.onOpen()
    return () => {
      if (!set.delete(subscription) || set.size > 0) return
      this.#subscriptions.delete(name)
      this.#setStreams()
    }
  }

  #setStreams(): void {
    this.#source.setStreams([...this.#subscriptions.keys()])
  }

  #receive(item: SourceItem): void {
    // Copies, because a listener may add and remove listeners.
    if (item.type === 'event') for (const each of [...this.#of(item.stream)]) each.onEvent(item)
    else if (item.type === 'open') {
      this.#covered = new Set(item.streams)
      for (const name of item.streams) for (const each of [...this.#of(name)]) each.onOpen()
    } else if (item.type === 'gap') {
      this.#onGap({ reason: item.reason })
      for (const each of this.#all()) each.onGap(item.reason)
    } else if (item.type === 'state') this.#onState(item)
  }

  #onState({ state, error: details }: SourceState): void {
    const error = details && new ClientError(details)
    if (error !== undefined) this.#onError(error)
    this.#state.set(state)
    if (state === 'live') return
    this.#covered = new Set()
    for (const each of this.#all()) {
      if (state === 'stopped') each.onStop(error)
      else each.onLost()
    }
  }

  #of(name: string): Iterable<AnySubscription> {
    return this.#subscriptions.get(name) ?? []
  }

  #all(): AnySubscription[] {
    return [...this.#subscriptions.values()].flatMap((set) => [...set])
  }
}

function settingsOf(
  url: string,
  options: ConnectOptions,
  { clock = pageClock, page = globalThis as Page }: Internals,
): Settings {
  const { headers, persist = false } = options
  return {
    url,
    headers: typeof headers === 'function' ? headers : headers && (() => headers),
    credentials: options.credentials,
    fetch: options.fetch ?? ((input, init) => fetch(input, init)),
    heartbeatMs: options.heartbeatMs ?? DEFAULT_HEARTBEAT_MS,
    // A worker or another tab cannot call the `fetch` of this page.
    share: !persist && options.fetch === undefined && (options.share ?? true),
    user: options.user,
    persist,
    clock,
    page,
  }
}

/** Opens the source of a client: a shared one where the page can share and `settings.share` allows it. */
function openSource(settings: Settings): Source {
  const { share, headers, user } = settings
  // Headers may name a login that other tabs do not have.
  return share && (!headers || user !== undefined) && 'document' in globalThis
    ? deferred(
        // Apart, because pages that do not share need none of it. Without it this page has a connection of its own.
        import('./share/open.ts').then(
          ({ openShared }) => openShared(settings),
          () => new StreamSource(settings),
        ),
      )
    : new StreamSource(settings)
}

/** A source whose code is still loading. It gets all calls in their order. */
function deferred(loading: Promise<Source>): Source {
  const call = (use: (source: Source) => void) => void loading.then(use)
  return {
    state: { type: 'state', state: 'connecting', error: undefined },
    listen(listener) {
      let stop: () => void
      call((source) => {
        stop = source.listen(listener)
      })
      return () => call(() => stop())
    },
    setStreams: (streams) => call((source) => source.setStreams(streams)),
    reconnect: () => call((source) => source.reconnect()),
    close: () => call((source) => source.close()),
  }
}
