import { type AttemptEnd, attempt } from './attempt.ts'
import type { Block } from './block-parser.ts'
import type { Settings } from './settings.ts'
import type { ConnectionState, ErrorDetails } from './source.ts'

/** Reconnection time before the server has named one, in milliseconds. */
const RETRY_MS = 2_000
/** Longest wait that the client chooses by itself, in milliseconds. */
const MAX_RETRY_MS = 30_000

/** The first block of a response. */
export interface Opening {
  /** Whether the request had a position. */
  readonly hasPosition: boolean
}

/** Receives what a connection reads. */
export interface ConnectionHandlers {
  /** `opening`: for the first block of a response. `before`: the position before the block. */
  onBlock(block: Block, before: string | undefined, opening: Opening | undefined): Promise<void> | undefined
  onState(state: ConnectionState, error: ErrorDetails | undefined): void
}

/** Keeps one response open: requests it, reads it, and comes back after it has ended. */
export class Connection {
  /** The client's last event id. */
  position: string | undefined
  readonly #settings: Settings
  readonly #handlers: ConnectionHandlers
  #query: string | undefined
  #state: ConnectionState = 'connecting'
  #abort: AbortController | undefined
  #cancelTimer: (() => void) | undefined
  #retryMs = RETRY_MS
  #failures = 0
  /** 401 where the last attempt got it. */
  #status: number | undefined

  constructor(settings: Settings, handlers: ConnectionHandlers) {
    this.#settings = settings
    this.#handlers = handlers
  }

  /** Requests `query` now, at the position. Replaces the response that is open. */
  connect(query: string): void {
    this.#query = query
    if (this.#state === 'stopped') this.#setState('connecting')
    this.#start()
  }

  /** Ends the response, and forgets the position. */
  disconnect(): void {
    this.#end()
    this.#query = this.position = undefined
    this.#failures = 0
    this.#setState('connecting')
  }

  /** Ends the response for good. */
  close(error: ErrorDetails): void {
    this.#end()
    this.#query = undefined
    this.#setState('stopped', error)
  }

  /** Connects at once, also where the connection has stopped. */
  reconnect(): void {
    if (this.#query === undefined) return
    this.#failures = 0
    this.connect(this.#query)
  }

  #end(): void {
    this.#abort?.abort()
    this.#abort = undefined
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }

  #start(): void {
    this.#end()
    const abort = new AbortController()
    this.#abort = abort
    void this.#attempt(abort.signal)
  }

  async #attempt(signal: AbortSignal): Promise<void> {
    const { position } = this
    let isFirst = true
    let closingMs: number | undefined
    const end = await attempt(this.#settings, {
      query: this.#query as string,
      position,
      status: this.#status,
      signal,
      onRetry: (ms) => {
        this.#retryMs = Math.min(ms, MAX_RETRY_MS)
        closingMs = ms
      },
      onBlock: (block) => {
        if (block.event === 'sser-retry') return undefined
        closingMs = undefined
        const before = this.position
        if (block.id !== undefined) this.position = block.id === '' ? undefined : block.id
        const opening = isFirst ? { hasPosition: position !== undefined } : undefined
        if (isFirst) this.#open()
        isFirst = false
        return this.#handlers.onBlock(block, before, opening)
      },
    })
    if (!signal.aborted) this.#comeBack(end, closingMs)
  }

  #open(): void {
    this.#failures = 0
    this.#status = undefined
    this.#setState('live')
  }

  #comeBack({ next, error, retryAfterMs }: AttemptEnd, closingMs: number | undefined): void {
    this.#abort = undefined
    if (next === 'stop' || (next === 'unauthorized' && this.#status === 401)) {
      this.#status = undefined
      return this.#setState('stopped', error)
    }
    this.#setState('recovering', error)
    if (next === 'unauthorized') {
      this.#status = 401
      return this.#start()
    }
    const { clock } = this.#settings
    const capMs = Math.min(MAX_RETRY_MS, this.#retryMs * 2 ** this.#failures)
    this.#failures += 1
    const waitMs = closingMs ?? (retryAfterMs ?? 0) + clock.random() * capMs
    this.#cancelTimer = clock.after(waitMs, () => this.#start())
  }

  #setState(state: ConnectionState, error?: ErrorDetails): void {
    if (state === this.#state && error === undefined) return
    this.#state = state
    this.#handlers.onState(state, error)
  }
}
