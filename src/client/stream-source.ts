import { Connection, type ReceivedBlock } from './connection.ts'
import type { Settings } from './options.ts'
import type { ConnectionState, ErrorDetails, Source, SourceItem, SourceState } from './source.ts'
import { listenTo, type Page, VISIBILITY } from './wakes.ts'

/** Time in which changes of the streams are one reconnect, in milliseconds. */
const CHANGE_MS = 5

/** The source with a connection of its own. */
export class StreamSource implements Source {
  readonly #settings: Settings
  readonly #connection: Connection
  readonly #listeners = new Set<(item: SourceItem) => void>()
  #state: SourceState = { type: 'state', state: 'connecting', error: undefined }
  /** The streams of the request that is under way. */
  #requested: readonly string[] = []
  #wanted: readonly string[] = []
  #isOpen = false
  #isClosed = false
  #cancelChange: (() => void) | undefined
  #stopStoring: (() => void) | undefined

  constructor(settings: Settings) {
    this.#settings = settings
    this.#connection = new Connection(settings, {
      onBlock: (block) => {
        this.#onBlock(block)
        return undefined
      },
      onState: (state, error) => this.#onState(state, error),
    })
    if (!settings.persist) return
    this.#connection.position = loadPosition(settings)
    this.#stopStoring = storePosition(settings, () => this.#connection.position)
  }

  get state(): SourceState {
    return this.#state
  }

  listen(listener: (item: SourceItem) => void): () => void {
    const entry = (item: SourceItem) => listener(item)
    this.#listeners.add(entry)
    if (this.#isOpen) entry({ type: 'open', streams: this.#requested, id: this.#connection.position })
    return () => {
      this.#listeners.delete(entry)
    }
  }

  setStreams(streams: readonly string[]): void {
    if (this.#isClosed) return
    this.#wanted = [...new Set(streams)].sort()
    this.#cancelChange ??= this.#settings.clock.after(CHANGE_MS, () => this.#change())
  }

  /** Requests `streams` at once, from `position` on. */
  seek(streams: readonly string[], position: string): void {
    this.#wanted = [...new Set(streams)].sort()
    this.#connection.position = position
    this.#requested = []
    this.#change()
  }

  reconnect(): void {
    if (!this.#isClosed) this.#connection.reconnect()
  }

  close(): void {
    this.#isClosed = true
    this.#stopStoring?.()
    this.#cancelChange?.()
    this.#connection.close()
    this.#listeners.clear()
  }

  #change(): void {
    this.#cancelChange?.()
    this.#cancelChange = undefined
    if (JSON.stringify(this.#wanted) === JSON.stringify(this.#requested)) return
    this.#requested = this.#wanted
    this.#isOpen = false
    if (this.#requested.length === 0) return this.#connection.disconnect()
    this.#connection.connect(
      `${new URLSearchParams([...this.#requested.map((name) => ['stream', name]), ['label', 'field']])}`,
    )
  }

  #onBlock({ event, data, own, stream, position: id, isFirst, hasPosition }: ReceivedBlock): void {
    if (isFirst) {
      this.#isOpen = true
      this.#emit({ type: 'open', streams: this.#requested, id })
      if (hasPosition && own?.resumed === false) this.#emit({ type: 'gap', reason: 'not-resumed', id })
    }
    if (event === 'sser-gap') this.#emit({ type: 'gap', reason: String(own?.reason), id })
    else if (event === 'sser-position') this.#emit({ type: 'position', id })
    else if (own === undefined)
      this.#emit({ type: 'event', stream: stream ?? (this.#requested[0] as string), event, data, id })
  }

  #onState(state: ConnectionState, error: ErrorDetails | undefined): void {
    if (state !== 'live') this.#isOpen = false
    this.#state = { type: 'state', state, error }
    this.#emit(this.#state)
  }

  #emit(item: SourceItem): void {
    for (const listener of this.#listeners) listener(item)
  }
}

/** The page and the key of a position in `sessionStorage`, which survives a reload. */
interface Place {
  readonly page: Page
  readonly url: string
  readonly user: string | undefined
}

/** The position that the page had before its reload. */
function loadPosition(place: Place): string | undefined {
  return withStorage(place, (storage, key) => storage.getItem(key)) || undefined
}

/** Stores the position whenever the page may be about to end, until the returned function is called. */
function storePosition(place: Place, position: () => string | undefined): () => void {
  return listenTo(place.page, ['pagehide', VISIBILITY], () => {
    withStorage(place, (storage, key) => storage.setItem(key, position() ?? ''))
  })
}

/** A browser may deny the storage, or it is full: the page then begins live. */
function withStorage<T>(
  { page, url, user }: Place,
  call: (storage: NonNullable<Page['sessionStorage']>, key: string) => T,
): T | undefined {
  try {
    const { sessionStorage } = page
    return sessionStorage && call(sessionStorage, `sser:${JSON.stringify([url, user])}`)
  } catch {
    return undefined
  }
}
