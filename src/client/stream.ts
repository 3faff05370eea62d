import type { Clock } from '../clock.ts'
import type { ClientError } from './error.ts'
import { EventIterator } from './event-iterator.ts'
import type { Snapshot } from './snapshot-loader.ts'
import type { SourceEvent } from './source.ts'
import { type StreamListener, type StreamOptions, Subscription } from './subscription.ts'

/** Receives what concerns one listener of a stream. */
export interface Listening {
  onOpen(): void
  onLost(): void
  onGap(reason: string): void
  onEvent(event: SourceEvent): void
  /** The connection has stopped, and does not come back by itself. */
  onStop(error: ClientError | undefined): void
  /** The client is closed. */
  end(): void
}

/** One stream of a client. It has no connection before `on()` or a loop. */
export class Stream<T, S extends Snapshot = Snapshot> implements AsyncIterable<T, undefined, void> {
  /** The name of the stream. */
  readonly name: string
  readonly #options: StreamOptions<T, S>
  readonly #settings: { readonly clock: Clock }
  readonly #add: (listening: Listening) => () => void

  constructor(
    name: string,
    options: StreamOptions<T, S>,
    settings: { readonly clock: Clock },
    add: (listening: Listening) => () => void,
  ) {
    this.name = name
    this.#options = options
    this.#settings = settings
    this.#add = add
  }

  /**
   * Calls `listener` for each event until the returned function is called. The stream begins at the position of the
   * client: with the next event, or with those of the last seconds where the client has been live for longer.
   */
  on(listener: StreamListener<T>): () => void {
    return this.#listen(listener, () => {})
  }

  /**
   * The values of the stream, from now on, for one loop. The loop ends with the client, and throws where the connection
   * stops for an error, or where it reads too slowly.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined, void> {
    return new EventIterator<T>((iterator) =>
      this.#listen(
        (value, { data }) => iterator.push(value, data.length),
        (error) => iterator.end(error),
      ),
    )
  }

  #listen(listener: StreamListener<T>, onEnd: (error: ClientError | undefined) => void): () => void {
    const subscription = new Subscription(this.name, listener, this.#options, this.#settings)
    const close = () => {
      subscription.close()
      remove()
    }
    const remove = this.#add({
      onOpen: () => subscription.onOpen(),
      onLost: () => subscription.onLost(),
      onGap: (reason) => subscription.onGap(reason),
      onEvent: (event) => subscription.onEvent(event),
      onStop(error) {
        subscription.onLost()
        // 204 is the end, and no error.
        onEnd(error?.code === 'ended' ? undefined : error)
      },
      end() {
        close()
        onEnd(undefined)
      },
    })
    return close
  }
}
