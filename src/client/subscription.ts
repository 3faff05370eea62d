import type { Clock } from '../clock.ts'
import type { StandardResult, StandardSchemaV1 } from '../standard-schema.ts'
import { BoundedQueue } from './bounded-queue.ts'
import { ClientError, messageOf } from './error.ts'
import type { Gap } from './options.ts'
import { contains, type Seqs } from './position.ts'
import { type LoadSnapshot, type Snapshot, SnapshotLoader } from './snapshot-loader.ts'
import type { SourceEvent } from './source.ts'

/** Options of `client.stream()`. */
export interface StreamOptions<T, S extends Snapshot = Snapshot> {
  /** Any Standard Schema. It validates each payload; one that it rejects goes to `onError`. @default none */
  schema?: StandardSchemaV1<unknown, T> | undefined
  /** Parses the text of an event. @default JSON.parse */
  parse?: ((data: string) => unknown) | undefined
  /**
   * Loads the state of the server with its position: before the first event, and again after a gap. Events that it
   * contains are not delivered. A `Response` is read as JSON. A failure is repeated.
   * @default none
   */
  snapshot?: LoadSnapshot<S> | undefined
  /** Receives each snapshot, before the events that follow it. @default none */
  onSnapshot?: ((snapshot: S) => void) | undefined
  /** Called where events of the stream may be missing, before a snapshot is loaded. @default none */
  onGap?: ((gap: Gap) => void) | undefined
  /** Called for each error of the stream: an invalid payload, a failed snapshot, a listener that throws. @default onError of the client */
  onError?: ((error: ClientError) => void) | undefined
}

/** Told to a listener beside the payload. */
export interface EventInfo {
  readonly stream: string
  /** The event type that the sender named. */
  readonly event: string | undefined
  /** The position after the event. */
  readonly id: string | undefined
  /** The text of the event. */
  readonly data: string
}

export type StreamListener<T> = (value: T, info: EventInfo) => void

/** A subscription of any stream, as its client knows it. */
export type AnySubscription = Pick<
  Subscription<unknown, Snapshot>,
  'onOpen' | 'onLost' | 'onGap' | 'onEvent' | 'onStop' | 'end'
>

/** One listener of a stream: holds events back while a snapshot loads, validates them, and delivers them in order. */
export class Subscription<T, S extends Snapshot> {
  readonly #name: string
  readonly #listener: StreamListener<T>
  readonly #onEnd: (error: ClientError | undefined) => void
  readonly #options: StreamOptions<T, S>
  readonly #loader: SnapshotLoader<S> | undefined
  readonly #held = new BoundedQueue<SourceEvent>()
  /** The position of the last snapshot. */
  #snapshot: Seqs | undefined
  /** True if the last snapshot was requested while the connection covered the stream. */
  #isSnapshotExact = false
  /** The newest event that was dropped since. */
  #dropped: SourceEvent | undefined
  #isValidating = false
  #isClosed = false

  constructor(
    name: string,
    listener: StreamListener<T>,
    onEnd: (error: ClientError | undefined) => void,
    options: StreamOptions<T, S>,
    { clock }: { readonly clock: Clock },
  ) {
    this.#name = name
    this.#listener = listener
    this.#onEnd = onEnd
    this.#options = options
    const { snapshot } = options
    if (snapshot === undefined) return
    this.#loader = new SnapshotLoader(clock, snapshot, {
      onLoad: (value, seqs) => this.#onSnapshot(value, seqs),
      onError: (error) => options.onError?.(error),
    })
  }

  /** The connection covers the stream from here on. */
  onOpen(): void {
    if (this.#loader === undefined || this.#isSnapshotExact) return
    this.#isSnapshotExact = true
    this.#loader.start(undefined)
  }

  /** There is no connection. A page shows its snapshot all the same; the next connection replaces it. */
  onLost(): void {
    if (this.#loader?.isLoading === false && this.#snapshot === undefined) this.#loader.start(undefined)
  }

  onGap(reason: string): void {
    this.#call(() => this.#options.onGap?.({ reason }))
    if (this.#isClosed) return
    this.#loader?.start(reason)
  }

  onEvent(event: SourceEvent): void {
    const isHeld = this.#isValidating || this.#loader?.isLoading || !this.#held.isEmpty
    if (!isHeld && (this.#loader === undefined || this.#snapshot !== undefined)) return this.#deliver(event)
    this.#dropped = this.#held.push(event, event.data.length) ?? this.#dropped
    // Without a snapshot that would contain it, the dropped event is lost.
    if (this.#dropped === undefined || this.#loader?.isLoading) return
    this.#dropped = undefined
    this.onGap('slow-reader')
  }

  /** The connection has stopped, and does not come back by itself. */
  onStop(error: ClientError | undefined): void {
    this.onLost()
    // 204 is the end, and no error.
    this.#onEnd(error?.code === 'ended' ? undefined : error)
  }

  /** The client is closed. */
  end(): void {
    this.close()
    this.#onEnd(undefined)
  }

  close(): void {
    this.#isClosed = true
    this.#loader?.stop()
    this.#held.clear()
  }

  #onSnapshot(snapshot: S, seqs: Seqs): void {
    const dropped = this.#dropped
    this.#dropped = undefined
    if (dropped !== undefined && !(dropped.id !== undefined && contains(seqs, dropped.id)))
      return this.#loader?.start('slow-reader')
    this.#snapshot = seqs
    this.#call(() => this.#options.onSnapshot?.(snapshot))
    this.#drain()
  }

  #drain(): void {
    while (!this.#isValidating && !this.#loader?.isLoading && !this.#held.isEmpty)
      this.#deliver(this.#held.shift() as SourceEvent)
  }

  #deliver(event: SourceEvent): void {
    const { id, data } = event
    if (this.#snapshot !== undefined && id !== undefined && contains(this.#snapshot, id)) return
    const { parse = JSON.parse, schema } = this.#options
    try {
      const value: unknown = parse(data)
      const result = schema?.['~standard'].validate(value) ?? { value: value as T }
      if (!(result instanceof Promise)) return this.#settle(event, result)
      this.#isValidating = true
      void this.#settleLater(event, result)
    } catch (cause) {
      this.#reject(cause)
    }
  }

  async #settleLater(event: SourceEvent, result: Promise<StandardResult<T>>): Promise<void> {
    try {
      this.#settle(event, await result)
    } catch (cause) {
      this.#reject(cause)
    }
    this.#isValidating = false
    this.#drain()
  }

  #settle({ stream, event, id, data }: SourceEvent, result: StandardResult<T>): void {
    if (this.#isClosed) return
    if (result.issues === undefined)
      this.#call(() => this.#listener(result.value, { stream, event, id, data }))
    else this.#reject(result.issues, result.issues[0]?.message)
  }

  #reject(cause: unknown, message = messageOf(cause)): void {
    const text = `an event of the stream "${this.#name}": ${message}`
    this.#options.onError?.(new ClientError({ code: 'invalid-payload', message: text }, { cause }))
  }

  /** Calls back to the page, whose error must not end the connection. */
  #call(callback: () => void): void {
    try {
      callback()
    } catch (cause) {
      const message = `a listener of the stream "${this.#name}" threw: ${messageOf(cause)}`
      this.#options.onError?.(new ClientError({ code: 'listener', message }, { cause }))
    }
  }
}
