import type { Subscriber } from './subscriber.ts'

/** Subscribers of the same streams that have received every event of them: they share what they read next. */
export class SubscriberAudience {
  readonly streams: readonly string[]
  readonly key: string
  readonly subscribers: Set<Subscriber> = new Set()

  constructor({ streams, key }: Subscriber) {
    this.streams = streams
    this.key = key
  }
}

/** Index of the audiences of this Pod by stream. A stream without subscribers that wait for it takes no memory. */
export class SubscriberAudiences {
  readonly #byStreams = new Map<string, SubscriberAudience>()
  readonly #byStream = new Map<string, Set<SubscriberAudience>>()

  get size(): number {
    return this.#byStreams.size
  }

  add(subscriber: Subscriber): SubscriberAudience {
    const { streams, key } = subscriber
    let audience = this.#byStreams.get(key)
    if (audience === undefined) {
      audience = new SubscriberAudience(subscriber)
      this.#byStreams.set(key, audience)
      for (const stream of streams) {
        const audiences = this.#byStream.get(stream)
        if (audiences === undefined) this.#byStream.set(stream, new Set([audience]))
        else audiences.add(audience)
      }
    }
    audience.subscribers.add(subscriber)
    return audience
  }

  remove(subscriber: Subscriber, audience: SubscriberAudience): void {
    if (audience.subscribers.delete(subscriber) && audience.subscribers.size === 0) this.take(audience)
  }

  /** Removes an audience, so that its subscribers join another one while it is iterated. */
  take(audience: SubscriberAudience): void {
    if (this.#byStreams.get(audience.key) !== audience) return
    this.#byStreams.delete(audience.key)
    for (const stream of audience.streams) {
      const audiences = this.#byStream.get(stream) as Set<SubscriberAudience>
      audiences.delete(audience)
      if (audiences.size === 0) this.#byStream.delete(stream)
    }
  }

  /** Audiences of `stream`, alone or among others. */
  on(stream: string): Iterable<SubscriberAudience> {
    return this.#byStream.get(stream) ?? []
  }

  [Symbol.iterator](): Iterator<SubscriberAudience> {
    return this.#byStreams.values()
  }
}
