import { type AttemptEnd, attempt } from './attempt.ts'
import { backoffMs, MAX_RETRY_MS, RETRY_MS } from './backoff.ts'
import { type Block, ownFields } from './block-parser.ts'
import type { Settings } from './options.ts'
import type { ConnectionState, ErrorDetails } from './source.ts'
import { listenToWakes, VISIBILITY, type Wake } from './wakes.ts'
import { Watchdog } from './watchdog.ts'

/** A response that lasted for longer was no failure, in milliseconds. */
const STABLE_MS = 5_000

/** An event of the server, and the position after it. */
export interface ReceivedBlock extends Block {
  readonly data: string
  /** Its fields, if it is one of the server's own. */
  readonly own: Readonly<Record<string, unknown>> | undefined
  readonly position: string | undefined
  /** True for the first block of a response. */
  readonly isFirst: boolean
  /** True if the request had a position. */
  readonly hasPosition: boolean
}

/** Receives what a connection reads. */
export interface ConnectionHandlers {
  /** The body is not read further until a returned promise resolves. */
  onBlock(block: ReceivedBlock): Promise<void> | undefined
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
  #watchdog: Watchdog | undefined
  #wait: { readonly isServers: boolean; cancel(): void } | undefined
  #stopWakes: (() => void) | undefined
  /** Reconnection time that the server has named. */
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
    this.#stopWakes ??= listenToWakes(this.#settings.page, (wake) => this.#onWake(wake))
    this.#start()
  }

  /** Ends the response, and forgets the position. */
  disconnect(): void {
    this.#stop()
    this.#query = this.position = undefined
    this.#failures = 0
    this.#setState('connecting')
  }

  /** Ends the response for good. */
  close(error?: ErrorDetails): void {
    this.#stop()
    this.#setState('stopped', error)
  }

  /** Connects at once, also where the connection has stopped. */
  reconnect(): void {
    if (this.#query === undefined) return
    this.#failures = 0
    this.connect(this.#query)
  }

  #onWake(wake: Wake): void {
    // A wait that the server has named is the server's protection.
    if (this.#wait !== undefined) return this.#wait.isServers ? undefined : this.#start()
    if (wake === VISIBILITY) this.#watchdog?.check()
    else this.#start()
  }

  #stop(): void {
    this.#end()
    this.#stopWakes?.()
    this.#stopWakes = undefined
  }

  #end(): void {
    this.#abort?.abort()
    this.#abort = undefined
    this.#wait?.cancel()
    this.#wait = undefined
  }

  #start(): void {
    this.#end()
    this.#abort = new AbortController()
    void this.#attempt(this.#abort)
  }

  async #attempt(abort: AbortController): Promise<void> {
    const { clock, heartbeatMs } = this.#settings
    const { signal } = abort
    const watchdog = new Watchdog(clock, heartbeatMs, () => abort.abort())
    this.#watchdog = watchdog
    const hasPosition = this.position !== undefined
    const startedAt = clock.now()
    let blocks = 0
    let closing: { ms: number; reason: unknown } | undefined
    let retryMs: number | undefined
    const end = await attempt(this.#settings, {
      query: this.#query as string,
      position: this.position,
      status: this.#status,
      signal,
      watchdog,
      onRetry: (ms) => {
        retryMs = ms
      },
      onBlock: (block) => {
        const { event, data } = block
        const own = ownFields(event, data)
        if (event === 'sser-retry') {
          closing = { ms: retryMs ?? this.#retryMs, reason: own?.reason }
          return undefined
        }
        if (retryMs !== undefined) this.#retryMs = Math.min(retryMs, MAX_RETRY_MS)
        retryMs = undefined
        if (block.id !== undefined) this.position = block.id === '' ? undefined : block.id
        if (data === undefined) return undefined
        blocks += 1
        if (blocks === 1) this.#open(watchdog, Number(own?.heartbeatMs))
        return this.#handlers.onBlock({
          ...block,
          data,
          own,
          position: this.position,
          isFirst: blocks === 1,
          hasPosition,
        })
      },
    })
    // Another attempt, or the end, has replaced this one.
    if (this.#abort !== abort) return
    if (blocks > 1 || clock.now() - startedAt > STABLE_MS) this.#failures = 0
    if (closing === undefined || end.next === 'stop') this.#comeBack(end)
    else this.#comeBackAfter(closing, blocks > 0)
  }

  #open(watchdog: Watchdog, heartbeatMs: number): void {
    this.#status = undefined
    if (heartbeatMs > 0) watchdog.setHeartbeat(heartbeatMs)
    this.#setState('live')
  }

  #comeBack({ next, error, retryAfterMs }: AttemptEnd): void {
    if (next === 'stop' || (next === 'unauthorized' && this.#status === 401)) {
      this.#status = undefined
      return this.close(error)
    }
    this.#setState('recovering', error)
    this.#status = next === 'unauthorized' ? 401 : undefined
    if (next === 'unauthorized') return this.#start()
    const jitterMs = backoffMs(this.#settings.clock, this.#failures, this.#retryMs)
    this.#failures += 1
    this.#waitFor((retryAfterMs ?? 0) + jitterMs, retryAfterMs !== undefined)
  }

  /** The server has ended the response, and has said why. */
  #comeBackAfter({ ms, reason }: { ms: number; reason: unknown }, wasOpen: boolean): void {
    // A new response can replace one that was open at once; otherwise the wait is the server's protection.
    if (wasOpen) {
      this.#setState('recovering')
      return this.#waitFor(this.#settings.clock.random() * ms, false)
    }
    this.#setState('recovering', {
      code: 'unavailable',
      message: `the server ended the response: ${reason}`,
      reason: typeof reason === 'string' ? reason : undefined,
    })
    this.#waitFor(ms, true)
  }

  #waitFor(ms: number, isServers: boolean): void {
    this.#abort = undefined
    this.#wait = { isServers, cancel: this.#settings.clock.after(ms, () => this.#start()) }
  }

  #setState(state: ConnectionState, error?: ErrorDetails): void {
    if (state === this.#state && error === undefined) return
    this.#state = state
    this.#handlers.onState(state, error)
  }
}
