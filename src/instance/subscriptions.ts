import { Subscriber, type SubscriptionResult } from '../delivery/subscriber.ts'
import type { SubscriptionItem } from '../delivery/subscription-items.ts'
import { describeValue, SserError, stopped } from '../errors.ts'
import { validateStreamName } from '../wire/names.ts'
import { parsePosition } from '../wire/position.ts'
import { checkSubscribeOptions } from './call-arguments.ts'
import type { Incarnation, SharedParts } from './incarnation.ts'

/** Options of `subscribe()`. */
export interface SubscribeOptions {
  /**
   * Start of the subscription: after an event id of any Pod, or with the `'oldest'` event of the log. It begins with a gap
   * if events in between may be missing.
   * @default with the next event
   */
  after?: string | undefined
  /** Ends the subscription when it aborts: the loop over it ends without an error. */
  signal?: AbortSignal | undefined
}

/**
 * The events of some streams, for one loop: `for await (const item of subscription)`. It ends when its loop is left, its signal
 * aborts, or the instance stops.
 */
export class Subscription implements AsyncIterableIterator<SubscriptionItem, undefined, void> {
  readonly #subscriber: Subscriber

  constructor(subscriber: Subscriber) {
    this.#subscriber = subscriber
  }

  /** The next event or gap, as soon as there is one. */
  next(): Promise<SubscriptionResult> {
    return this.#subscriber.next()
  }

  /** Ends the subscription at once, also while a `next()` is pending; leaving a loop calls it. */
  return(): Promise<SubscriptionResult> {
    this.#subscriber.discard()
    return this.#subscriber.next()
  }

  /** Ends the subscription, and rejects with `error`. */
  throw(error: unknown): Promise<SubscriptionResult> {
    this.#subscriber.discard()
    return Promise.reject(error)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#subscriber.discard()
  }
}

export interface SubscriptionsOptions extends Pick<SharedParts, 'settings' | 'counters' | 'errors'> {
  /** The current incarnation. */
  incarnation(): Incarnation
}

/** The state of a loop over events, or over a run. */
interface Loop {
  attach(incarnation: Incarnation): void
  detach(): void
  finish(): void
  discard(): void
}

/** The subscriptions of this Pod, over all its incarnations. Loops over runs are some of them. */
export class Subscriptions {
  readonly #options: SubscriptionsOptions
  /** The open ones, each with a function that removes the listener of its signal. */
  readonly #open = new Map<Loop, () => void>()
  /** Ends a subscription that its consumer has dropped without an end: nothing else refers to the iterator. */
  readonly #abandoned = new FinalizationRegistry<Loop>((loop) => loop.discard())
  #isStopped = false

  constructor(options: SubscriptionsOptions) {
    this.#options = options
  }

  /** Number of open subscriptions. */
  get size(): number {
    return this.#open.size
  }

  /** True after {@link stop}. */
  get isStopped(): boolean {
    return this.#isStopped
  }

  /** Opens a subscription. @throws SserError, see `Sser.subscribe()`. */
  open(streams: string | readonly string[], options: SubscribeOptions): Subscription {
    const { settings, counters } = this.#options
    const names = checkStreams(streams, settings.maxStreamsPerConnection)
    const { after, signal } = checkOptions(options, settings.maxLastEventIdBytes)
    this.requireCapacity()
    const subscriber = new Subscriber({
      streams: names,
      after,
      onItem: (item) => counters.countItem(item.type === 'gap' ? item.reason : undefined),
      onClose: () => {
        this.remove(subscriber)
        counters.subscriptionsClosed += 1
      },
    })
    const subscription = new Subscription(subscriber)
    counters.subscriptionsOpened += 1
    this.add(subscriber, subscription, signal)
    return subscription
  }

  /** Adds a loop, which ends when its signal aborts, or its consumer has dropped `iterator`. */
  add(loop: Loop, iterator: object, signal: AbortSignal | undefined): void {
    const end = () => loop.discard()
    this.#open.set(loop, () => signal?.removeEventListener('abort', end))
    this.#abandoned.register(iterator, loop, loop)
    signal?.addEventListener('abort', end)
    if (signal?.aborted) loop.discard()
    const incarnation = this.#options.incarnation()
    if (incarnation.mesh.isReady) loop.attach(incarnation)
  }

  /** Removes a loop that has ended. */
  remove(loop: Loop): void {
    this.#open.get(loop)?.()
    this.#abandoned.unregister(loop)
    this.#open.delete(loop)
  }

  /** @throws SserError `stopped`, or `too-many-subscriptions` where no further one is allowed */
  requireCapacity(): void {
    const { errors, settings } = this.#options
    if (this.#isStopped) throw stopped()
    if (this.size < settings.maxSubscriptions) return
    errors.countRejected('too-many-subscriptions')
    throw new SserError(
      'too-many-subscriptions',
      `This Pod takes ${settings.maxSubscriptions} subscriptions: see the option maxSubscriptions`,
    )
  }

  /** A new incarnation is ready: the subscriptions go on in it. */
  attach(incarnation: Incarnation): void {
    for (const loop of this.#open.keys()) loop.attach(incarnation)
  }

  /** The current incarnation ends: each subscription keeps its position. */
  detach(): void {
    for (const loop of this.#open.keys()) loop.detach()
  }

  /** Ends each subscription when it has received the events so far, or what this Pod has of its run. */
  stop(): void {
    this.#isStopped = true
    for (const loop of this.#open.keys()) loop.finish()
  }
}

/** The names in ascending order, each once. */
function checkStreams(streams: string | readonly string[], max: number): readonly string[] {
  const given = typeof streams === 'string' ? [streams] : streams
  if (!Array.isArray(given))
    throw new SserError(
      'invalid-argument',
      `subscribe(): expected the name of a stream, or an array of names, got ${describeValue(streams)}`,
    )
  const names: string[] = [...new Set(given)]
  const fault = names.length === 0 ? validateStreamName('') : names.map(validateStreamName).find(Boolean)
  if (fault !== undefined) throw fault
  if (names.length > max)
    throw new SserError(
      'too-many-streams-per-connection',
      `A subscription has at most ${max} streams, got ${names.length}: see the option maxStreamsPerConnection`,
    )
  return names.sort()
}

function checkOptions(options: SubscribeOptions, maxIdBytes: number): SubscribeOptions {
  const fault = checkSubscribeOptions(options)
  if (fault !== undefined) throw fault
  const { after } = options
  if (after === undefined || after === 'oldest') return options
  if (typeof after === 'string' && parsePosition(after, maxIdBytes) !== undefined) return options
  throw new SserError(
    'invalid-event-id',
    `subscribe(): option "after": expected an event id of sser or "oldest", got ${describeValue(after)}`,
  )
}
