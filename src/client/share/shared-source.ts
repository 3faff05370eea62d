import { messageOf } from '../error.ts'
import type { Settings } from '../options.ts'
import type { Source, SourceItem, SourceOpen, SourceState } from '../source.ts'
import { StreamSource } from '../stream-source.ts'
import { listenTo } from '../wakes.ts'
import { type HubMessage, isHubMessage, type Link, type OpenLink } from './messages.ts'

/** The hub speaks at each half of a heartbeat; a silence of this many is one too many. */
const MAX_SILENT_HEARTBEATS = 1.5

/** A source that is fed by the hub of all tabs, or, where there is none, by a connection of its own. */
export class SharedSource implements Source {
  readonly #settings: Settings
  readonly #links: OpenLink[]
  readonly #listeners = new Set<(item: SourceItem) => void>()
  readonly #abort = new AbortController()
  readonly #stopListening: readonly (() => void)[]
  #streams: readonly string[] = []
  #link: Link | undefined
  /** The connection of this tab alone. */
  #own: StreamSource | undefined
  #session = 0
  /** Items of this session so far. */
  #count = 0
  #position: string | undefined
  #open: SourceOpen | undefined
  #hasBeenLive = false
  #state: SourceState = { type: 'state', state: 'connecting', error: undefined }
  #heardAt = 0
  #cancelWatch: (() => void) | undefined
  #isAway = false

  /** `links`: the ways to a hub, the best one first. */
  constructor(settings: Settings, links: readonly OpenLink[]) {
    this.#settings = settings
    this.#links = [...links]
    const { page } = settings
    // A tab that is closed, frozen or cached has no part in the sharing: a held lock would also keep it out of the cache.
    this.#stopListening = [
      listenTo(page, ['pagehide', 'freeze'], () => this.#goAway()),
      listenTo(page, ['pageshow', 'resume'], () => this.#comeBack()),
    ]
  }

  get state(): SourceState {
    return this.#state
  }

  listen(listener: (item: SourceItem) => void): () => void {
    const entry = (item: SourceItem) => listener(item)
    this.#listeners.add(entry)
    if (this.#open !== undefined) entry(this.#open)
    return () => {
      this.#listeners.delete(entry)
    }
  }

  setStreams(streams: readonly string[]): void {
    this.#streams = [...new Set(streams)]
    if (this.#own !== undefined) return this.#own.setStreams(this.#streams)
    if (streams.length > 0) {
      if (this.#link === undefined) this.#openLink()
      else this.#link.post({ type: 'streams', streams: this.#streams })
      return
    }
    this.#closeLink()
    this.#position = undefined
    this.#hasBeenLive = false
    this.#setState({ type: 'state', state: 'connecting', error: undefined })
  }

  reconnect(): void {
    if (this.#own === undefined) this.#link?.post({ type: 'reconnect' })
    else this.#own.reconnect()
  }

  close(): void {
    this.#abort.abort()
    for (const stop of this.#stopListening) stop()
    this.#closeLink()
    this.#own?.close()
    this.#setState({ type: 'state', state: 'stopped', error: undefined })
    this.#listeners.clear()
  }

  /** Opens the first link that exists here. */
  #openLink(): void {
    if (this.#isAway) return
    const open = this.#links[0]
    if (open === undefined) return this.#openOwn()
    this.#hear()
    this.#watch()
    const link = open({
      onHub: () => this.#join(),
      onMessage: (message) => {
        if (isHubMessage(message)) this.#receive(message)
      },
      onUnavailable: () => this.#openNext(),
    })
    if (link === undefined) this.#openNext()
    else this.#link = link
  }

  #openNext(): void {
    this.#closeLink()
    this.#links.shift()
    this.#openLink()
  }

  /** Asks a hub for the streams, from the position of this tab on. */
  #join(): void {
    this.#hear()
    this.#session += 1
    this.#count = 0
    this.#link?.post({
      type: 'join',
      session: this.#session,
      streams: this.#streams,
      position: this.#position,
      hasHeaders: this.#settings.headers !== undefined,
      heartbeatMs: this.#settings.heartbeatMs,
    })
  }

  #receive(message: HubMessage): void {
    if (message.type === 'headers') return void this.#answerHeaders(message)
    if (message.session !== this.#session) return
    this.#hear()
    if (message.type === 'own') return this.#openOwn()
    for (const item of message.items) this.#emit(item)
    this.#count += message.items.length
    if (message.asksAck) this.#link?.post({ type: 'ack', session: this.#session, count: this.#count })
  }

  async #answerHeaders({ request, status }: HubMessage & { type: 'headers' }): Promise<void> {
    const { signal } = this.#abort
    try {
      const headers = new Headers((await this.#settings.headers?.({ status, signal })) as HeadersInit)
      this.#link?.post({ type: 'headers', request, headers: [...headers], error: undefined })
    } catch (error) {
      this.#link?.post({ type: 'headers', request, headers: undefined, error: messageOf(error) })
    }
  }

  #emit(item: SourceItem): void {
    if (item.type === 'state') return this.#setState(item)
    if (item.type === 'open') this.#open = item
    this.#position = item.id ?? this.#position
    for (const listener of this.#listeners) listener(item)
  }

  #setState(item: SourceState): void {
    if (item.state !== 'live') this.#open = undefined
    else this.#hasBeenLive = true
    // A new hub has not been connected yet; this tab has.
    const state = item.state === 'connecting' && this.#hasBeenLive ? 'recovering' : item.state
    if (state === this.#state.state && item.error === undefined) return
    this.#state = { ...item, state }
    for (const listener of this.#listeners) listener(this.#state)
  }

  #openOwn(): void {
    this.#closeLink()
    const own = new StreamSource(this.#settings)
    this.#own = own
    own.listen((item) => this.#emit(item))
    if (this.#position === undefined) own.setStreams(this.#streams)
    else own.seek(this.#streams, this.#position)
  }

  #closeLink(): void {
    this.#cancelWatch?.()
    this.#cancelWatch = undefined
    this.#link?.post({ type: 'leave' })
    this.#link?.close()
    this.#link = undefined
    // Whatever still comes is for an earlier session.
    this.#session += 1
  }

  #goAway(): void {
    if (this.#own !== undefined || this.#isAway) return
    this.#isAway = true
    if (this.#link === undefined) return
    this.#closeLink()
    this.#setState({ type: 'state', state: 'recovering', error: undefined })
  }

  #comeBack(): void {
    if (!this.#isAway) return
    this.#isAway = false
    if (this.#streams.length > 0) this.#openLink()
  }

  #hear(): void {
    this.#heardAt = this.#settings.clock.now()
  }

  #watch(): void {
    const { clock, heartbeatMs } = this.#settings
    const silentMs = clock.now() - this.#heardAt
    const limitMs = heartbeatMs * MAX_SILENT_HEARTBEATS
    if (silentMs >= limitMs) {
      this.#hear()
      this.#setState({
        type: 'state',
        state: 'recovering',
        error: {
          code: 'silent',
          message: `the tab or worker with the connection was silent for ${silentMs} ms`,
        },
      })
      this.#link?.replaceHub()
    }
    // Often, because a tab that slept finds out by it.
    this.#cancelWatch = clock.after(Math.max(1, Math.min(heartbeatMs / 4, limitMs - silentMs)), () =>
      this.#watch(),
    )
  }
}
