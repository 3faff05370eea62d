import type { Clock } from '../clock.ts'
import type { ClientError } from './error.ts'
import { EventIterator } from './event-iterator.ts'
import type { Snapshot } from './snapshot-loader.ts'
import {
  type AnySubscription,
  type StreamListener,
  type StreamOptions,
  Subscription,
} from './subscription.ts'

/** One stream of a client. It has no connection before `on()` or a loop. */
export class Stream<T, S extends Snapshot = Snapshot> implements AsyncIterable<T, undefined, void> {
  /** The name of the stream. */
  readonly name: string
  readonly #options: StreamOptions<T, S>
  readonly #settings: { readonly clock: Clock }
  readonly #add: (subscription: AnySubscription) => () => void

  constructor(
    name: string,
    options: StreamOptions<T, S>,
    settings: { readonly clock: Clock },
    add: (subscription: AnySubscription) => () => void,
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
    return this.#listen(listener, () => undefined)
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
    const subscription = new Subscription(this.name, listener, onEnd, this.#options, this.#settings)
    const remove = this.#add(subscription)
    return () => {
      subscription.close()
      remove()
    }
  }
}
