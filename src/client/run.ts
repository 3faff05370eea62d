import { Connection, type ReceivedBlock } from './connection.ts'
import { ClientError } from './error.ts'
import { EventIterator } from './event-iterator.ts'
import type { Gap, Settings } from './options.ts'
import { Observable, type Readable } from './readable.ts'
import type { ClientErrorCode, ConnectionState, ErrorDetails } from './source.ts'

/** Options of `client.run()`. */
export interface RunOptions<T> {
  /** Parses the text of a chunk. @default the text itself */
  parse?: ((text: string) => T) | undefined
  /** Called where chunks are missing, and the loop goes on. @default none: the loop throws */
  onGap?: ((gap: Gap) => void) | undefined
}

/**
 * `idle`: no loop reads the run. `connecting`, `running`, `recovering`: as the state of a client. `interrupted`: the server
 * does not reach the producer, which may return. `ended`, `failed`, `cancelled`, `lost`: how the run ended. `stopped`: the
 * server refused the request, and `error` has the reason.
 */
export type RunStatus =
  | 'idle'
  | 'connecting'
  | 'running'
  | 'recovering'
  | 'interrupted'
  | 'ended'
  | 'failed'
  | 'cancelled'
  | 'lost'
  | 'stopped'

/** The state of a run as a page can show it. */
export interface RunState {
  readonly status: RunStatus
  /** The producer's reason of the end. */
  readonly reason?: string | undefined
  readonly error?: ClientError | undefined
}

/** Parts of the client that a run uses. */
export interface RunContext {
  readonly settings: Settings
  readonly cancelRun: ((name: string) => unknown) | undefined
  onError(error: ClientError): void
  /** Remembers a function that `client.close()` calls; the returned function forgets it. */
  onClose(close: () => void): () => void
}

/** One run. Each loop reads it from its first chunk, on a connection of its own, to its end. */
export class Run<T = string> implements AsyncIterable<T, undefined, void> {
  /** The name of the run. */
  readonly name: string
  /** The state of the newest loop. */
  readonly state: Readable<RunState>
  readonly #state = new Observable<RunState>({ status: 'idle' })
  readonly #options: RunOptions<T>
  readonly #context: RunContext

  constructor(name: string, options: RunOptions<T>, context: RunContext) {
    this.name = name
    this.state = this.#state
    this.#options = options
    this.#context = context
  }

  /**
   * Asks the application to cancel the run: calls the option `cancelRun` of `connect()`. The loop goes on to the end.
   * @throws Error where `connect()` was not given that option
   */
  async cancel(): Promise<void> {
    const { cancelRun } = this.#context
    if (cancelRun === undefined)
      throw new TypeError(
        'cancel(): expected the option cancelRun of connect(), a function that calls the application',
      )
    await cancelRun(this.name)
  }

  /**
   * The chunks, from the first one. The loop ends with the run; it throws `run-failed` and `run-lost`, `gap` without an
   * `onGap`, and the error of a request that the server refuses.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined, void> {
    return new EventIterator<T>((iterator) => {
      const loop = new RunLoop(this.name, this.#state, this.#options, this.#context, iterator)
      return () => loop.stop()
    }, false)
  }
}

/** One loop over a run, on a connection of its own. */
class RunLoop<T> {
  readonly #name: string
  readonly #state: Observable<RunState>
  readonly #options: RunOptions<T>
  readonly #context: RunContext
  readonly #iterator: EventIterator<T>
  readonly #connection: Connection
  readonly #forget: () => void
  #isDone = false

  constructor(
    name: string,
    state: Observable<RunState>,
    options: RunOptions<T>,
    context: RunContext,
    iterator: EventIterator<T>,
  ) {
    this.#name = name
    this.#state = state
    this.#options = options
    this.#context = context
    this.#iterator = iterator
    this.#connection = new Connection(context.settings, {
      onBlock: (block) => (this.#isDone ? undefined : this.#onBlock(block)),
      onState: (to, error) => this.#isDone || this.#onState(to, error),
    })
    state.set({ status: 'connecting' })
    this.#connection.connect(`${new URLSearchParams({ run: name })}`)
    this.#forget = context.onClose(() => iterator.end())
  }

  /** Ends the connection; a run that has not ended is then read by no loop. */
  stop(): void {
    if (!this.#isDone) this.#state.set({ status: 'idle' })
    this.#isDone = true
    this.#forget()
    this.#connection.close()
  }

  #onBlock({ event, data, own }: ReceivedBlock): Promise<void> | undefined {
    if (own === undefined) return this.#onChunk(data)
    const reason = own.reason as string | undefined
    if (event === 'sser-interrupted') this.#state.set({ status: 'interrupted' })
    else if (event === 'sser-resumed') this.#state.set({ status: 'running' })
    else if (event === 'sser-end') this.#onEnd(own.state, reason)
    else if (event === 'sser-gap') {
      const { onGap } = this.#options
      if (onGap === undefined) this.#fail('gap', `lacks chunks: ${reason}`)
      else onGap({ reason: String(reason) })
    }
    return undefined
  }

  #onChunk(text: string): Promise<void> | undefined {
    const { parse } = this.#options
    try {
      this.#iterator.push(parse === undefined ? (text as T) : parse(text), text.length)
    } catch (cause) {
      this.#fail('invalid-payload', 'has a chunk that parse() rejects', undefined, cause)
    }
    return this.#iterator.whenRead()
  }

  #onEnd(state: unknown, reason: string | undefined): void {
    if (state === 'ended' || state === 'cancelled') this.#finish({ status: state, reason })
    else if (state === 'lost') this.#fail('run-lost', `was lost: ${reason}`, { status: state, reason })
    // A way to end that this version does not know is a failure.
    else this.#fail('run-failed', `failed: ${reason}`, { status: 'failed', reason })
  }

  #onState(state: ConnectionState, details: ErrorDetails | undefined): void {
    if (state === 'live') return this.#state.set({ status: 'running' })
    // 204 answers a client that knows the end.
    if (details?.code === 'ended') return this.#finish({ status: 'ended' })
    const error = details && new ClientError(details)
    if (state === 'stopped') return this.#finish({ status: 'stopped', error })
    if (error !== undefined) this.#context.onError(error)
    this.#state.set({ status: 'recovering', error })
  }

  /** Ends the loop with an error about the run. */
  #fail(code: ClientErrorCode, text: string, state: RunState = { status: 'stopped' }, cause?: unknown): void {
    const message = `the run "${this.#name}" ${text}`
    this.#finish({ ...state, error: new ClientError({ code, message }, { cause }) })
  }

  #finish(state: RunState): void {
    this.#isDone = true
    this.#state.set(state)
    this.#iterator.end(state.error)
  }
}
