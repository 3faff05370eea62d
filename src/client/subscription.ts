import type { StandardSchemaV1 } from '../standard-schema.ts'
import { ClientError, messageOf } from './error.ts'
import type { Gap } from './options.ts'
import type { SourceEvent } from './source.ts'

/** Options of `client.stream()`. */
export interface StreamOptions<T> {
  /** Any Standard Schema. It validates each payload; one that it rejects goes to `onError`. @default none */
  schema?: StandardSchemaV1<unknown, T> | undefined
  /** Parses the text of an event. @default JSON.parse */
  parse?: ((data: string) => unknown) | undefined
  /** Called where events of the stream may be missing. @default none */
  onGap?: ((gap: Gap) => void) | undefined
}

/** What a listener is told beside the payload. */
export interface EventInfo {
  readonly stream: string
  /** The event type that the sender named. */
  readonly event: string | undefined
  /** The position after the event. */
  readonly id: string | undefined
}

export type StreamListener<T> = (value: T, info: EventInfo) => void

/** One listener of a stream. */
export class Subscription<T> {
  readonly #listener: StreamListener<T>
  readonly #options: StreamOptions<T>
  readonly #onError: (error: ClientError) => void

  constructor(listener: StreamListener<T>, options: StreamOptions<T>, onError: (error: ClientError) => void) {
    this.#listener = listener
    this.#options = options
    this.#onError = onError
  }

  /** The connection covers the stream from here on. */
  onOpen(): void {}

  onGap(reason: string): void {
    this.#options.onGap?.({ reason })
  }

  onEvent({ data, stream, event, id }: SourceEvent): void {
    let value: unknown
    try {
      value = (this.#options.parse ?? JSON.parse)(data)
    } catch (cause) {
      const message = `stream "${stream}": ${messageOf(cause)}`
      return this.#onError(new ClientError({ code: 'invalid-payload', message }, { cause }))
    }
    try {
      this.#listener(value as T, { stream, event, id })
    } catch (cause) {
      const message = `a listener of the stream "${stream}" threw: ${messageOf(cause)}`
      this.#onError(new ClientError({ code: 'listener', message }, { cause }))
    }
  }
}
