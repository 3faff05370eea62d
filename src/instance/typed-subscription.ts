import type { SubscriptionEvent, SubscriptionGap, SubscriptionItem } from '../delivery/subscription-items.ts'
import type { SserError } from '../errors.ts'
import type { Subscription } from './subscriptions.ts'

/** An event of a typed stream. */
export interface TypedEvent<T> extends Omit<SubscriptionEvent, 'data'> {
  /** The parsed message. */
  readonly data: T
}

/** An event of a typed stream whose message is no JSON, or is rejected by the schema; the subscription continues. */
export interface InvalidEvent extends Omit<SubscriptionEvent, 'type'> {
  /** Tells it from an event and a gap. */
  readonly type: 'invalid'
  /** `invalid-message`; its `cause` is the error of the parser, or the issues of the schema. */
  readonly error: SserError
}

/** One result of a typed subscription. */
export type TypedItem<T> = TypedEvent<T> | InvalidEvent | SubscriptionGap

/** Converts an item. */
export type ParseItem<T> = (item: SubscriptionItem) => TypedItem<T> | Promise<TypedItem<T>>

type TypedResult<T> = IteratorResult<TypedItem<T>, undefined>

/** The events of a typed stream, for one loop; it ends as a `Subscription` does. */
export class TypedSubscription<T> implements AsyncIterableIterator<TypedItem<T>, undefined, void> {
  readonly #subscription: Subscription
  readonly #convert: (
    result: IteratorResult<SubscriptionItem, undefined>,
  ) => TypedResult<T> | Promise<TypedResult<T>>

  constructor(subscription: Subscription, parse: ParseItem<T>) {
    this.#subscription = subscription
    // Refers to nothing of this object: a pending `next()` must not keep an abandoned subscription open.
    this.#convert = (result) => {
      if (result.done) return result
      const item = parse(result.value)
      return item instanceof Promise
        ? item.then((value) => ({ done: false, value }))
        : { done: false, value: item }
    }
  }

  /** The next event or gap, as soon as there is one. */
  next(): Promise<TypedResult<T>> {
    return this.#subscription.next().then(this.#convert)
  }

  /** Ends the subscription at once, also while a `next()` is pending; leaving a loop calls it. */
  return(): Promise<TypedResult<T>> {
    return this.#subscription.return().then(this.#convert)
  }

  /** Ends the subscription, and rejects with `error`. */
  throw(error: unknown): Promise<TypedResult<T>> {
    return this.#subscription.throw(error).then(this.#convert)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#subscription[Symbol.asyncDispose]()
  }
}
