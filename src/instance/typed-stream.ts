import type { SubscriptionEvent, SubscriptionGap, SubscriptionItem } from '../delivery/subscription-items.ts'
import { describe, describeValue, SserError } from '../errors.ts'
import type { Receipt } from '../replication/receipt.ts'
import type { StandardIssue, StandardResult, StandardSchemaV1 } from '../standard-schema.ts'
import { validateStreamName } from '../wire/names.ts'
import { checkStreamOptions } from './call-arguments.ts'
import { followReceipt } from './receipt-promise.ts'
import type { SendOptions } from './sender.ts'
import type { SubscribeOptions, Subscription } from './subscriptions.ts'

/** Options of `stream()`. */
export interface StreamOptions<Input, Output> {
  /**
   * Any Standard Schema, such as one of Zod, Valibot or ArkType. It validates each value that is sent, and each event that
   * a subscription receives.
   * @default none: the type parameter alone
   */
  schema?: StandardSchemaV1<Input, Output> | undefined
}

/** The calls of an instance that a typed stream uses. */
interface Instance {
  send(stream: string, msg: string, options?: SendOptions): Promise<Receipt>
  subscribe(stream: string, options?: SubscribeOptions): Subscription
}

/** One stream whose messages are JSON values of one type. It has no state, so a new one for each call costs nothing. */
export class TypedStream<Input, Output = Input> {
  /** The name of the stream. */
  readonly name: string
  readonly #instance: Instance
  readonly #schema: StandardSchemaV1<Input, Output> | undefined

  /** @throws SserError `stream-name-required`, `invalid-stream-name` or `invalid-argument` */
  constructor(instance: Instance, name: string, options: StreamOptions<Input, Output>) {
    const fault = validateStreamName(name) ?? checkStreamOptions(options)
    if (fault !== undefined) throw fault
    this.name = name
    this.#instance = instance
    this.#schema = options.schema
  }

  /**
   * Sends `value` as JSON: the result of the schema, where there is one. Resolves like `Sser.send()`.
   * @throws SserError `invalid-message` where the schema rejects the value, with the issues as `cause`, or where it is no
   * JSON; and the errors of `Sser.send()`.
   */
  send(value: Input, options: SendOptions = {}): Promise<Receipt> {
    try {
      const result = this.#schema?.['~standard'].validate(value)
      // Without a wait for a result that is there, because sends keep their order.
      if (!(result instanceof Promise)) return this.#sendValid(value, result, options)
      return followReceipt((follow, reject) => {
        result.then((valid) => follow(this.#sendValid(value, valid, options))).catch(reject)
      })
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Sends a value, or the result of the schema, where there is one. */
  #sendValid(
    value: Input,
    valid: StandardResult<Output> | undefined,
    options: SendOptions,
  ): Promise<Receipt> {
    if (valid?.issues !== undefined)
      throw rejected(`${this.#call('send')}: the schema rejects the value`, valid.issues)
    return this.#instance.send(this.name, this.#stringify(valid === undefined ? value : valid.value), options)
  }

  /**
   * Receives the events of the stream, parsed. An event whose message is no JSON, or is rejected by the schema, is an item
   * of the type `invalid`, and the loop goes on.
   * @throws SserError, as `Sser.subscribe()` does
   */
  subscribe(options: SubscribeOptions = {}): TypedSubscription<Output> {
    const schema = this.#schema
    return new TypedSubscription(this.#instance.subscribe(this.name, options), (item) =>
      parseItem(item, schema),
    )
  }

  #stringify(value: unknown): string {
    try {
      const text: unknown = JSON.stringify(value)
      if (typeof text === 'string') return text
    } catch (cause) {
      throw new SserError(
        'invalid-message',
        `${this.#call('send')}: JSON.stringify() failed: ${describe(cause)}`,
        {
          cause,
        },
      )
    }
    throw new SserError(
      'invalid-message',
      `${this.#call('send')}: expected a value that JSON can carry, got ${describeValue(value)}`,
    )
  }

  #call(method: string): string {
    return `sser.stream(${describeValue(this.name)}).${method}()`
  }
}

function parseItem<Output>(
  item: SubscriptionItem,
  schema: StandardSchemaV1<unknown, Output> | undefined,
): TypedItem<Output> | Promise<TypedItem<Output>> {
  if (item.type === 'gap') return item
  const { id, stream, event, data } = item
  const invalid = (error: SserError): TypedItem<Output> => ({
    type: 'invalid',
    id,
    stream,
    event,
    data,
    error,
  })
  const convert = (result: StandardResult<Output>): TypedItem<Output> =>
    result.issues === undefined
      ? { type: 'event', id, stream, event, data: result.value }
      : invalid(rejected(`The schema rejects an event of the stream ${describeValue(stream)}`, result.issues))
  const failed = (cause: unknown) =>
    invalid(
      new SserError(
        'invalid-message',
        `An event of the stream ${describeValue(stream)}: ${describe(cause)}`,
        {
          cause,
        },
      ),
    )
  try {
    const value: unknown = JSON.parse(data)
    const result = schema?.['~standard'].validate(value) ?? { value: value as Output }
    return result instanceof Promise ? result.then(convert).catch(failed) : convert(result)
  } catch (cause) {
    return failed(cause)
  }
}

/** The error for a value that a schema rejects: its message has the first issue, its `cause` all of them. */
function rejected(message: string, issues: readonly StandardIssue[]): SserError {
  const [first] = issues
  const path = first?.path?.map((part) => String(typeof part === 'object' ? part.key : part)).join('.')
  const where = path === undefined || path === '' ? '' : `"${path}": `
  const more = issues.length > 1 ? `, and ${issues.length - 1} more` : ''
  return new SserError(
    'invalid-message',
    `${message}: ${where}${first?.message ?? 'no issue given'}${more}`,
    {
      cause: issues,
    },
  )
}

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
