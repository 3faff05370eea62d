import { SserError, stopped } from '../errors.ts'
import type { ConnectionSelector, EventEntry } from '../log/entry.ts'
import type { DisconnectReceipt, PeerReceipt, Receipt } from '../replication/receipt.ts'
import { startSend } from '../telemetry/tracing.ts'
import {
  validateEventType,
  validateIdempotencyKey,
  validateMessage,
  validateStreamName,
  validateTag,
} from '../wire/names.ts'
import { formatPosition } from '../wire/position.ts'
import { normalizeTraceparent } from '../wire/traceparent.ts'
import { checkSelector, checkSendOptions } from './call-arguments.ts'
import type { SharedParts } from './incarnation.ts'
import type { Membership } from './membership.ts'
import { followReceipt, ReceiptPromise } from './receipt-promise.ts'

const NOT_STARTED =
  'This instance was not started: await serve({ sser, … }) or join({ sser, … }), or without a port await sser.start(), before send() and disconnect()'

/** Options of `send()`. */
export interface SendOptions {
  /** The SSE event type; without one, clients receive a `message`. Types that begin with `sser-` are reserved. */
  event?: string | undefined
  /**
   * Makes a retry safe: a second send to the same stream with the same key, on any Pod that holds the first, sends
   * nothing, and its receipt says `duplicate`. 1 to 256 characters, kept for as long as the log keeps the event.
   * @see https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
   */
  idempotencyKey?: string | undefined
  /**
   * The W3C `traceparent` that this send belongs to; it goes with the event to every Pod, and never to a client. An
   * invalid one is dropped, because tracing must not break sending.
   * @default the active span, with the option `tracing`
   * @see https://www.w3.org/TR/trace-context/#traceparent-header
   */
  traceparent?: string | undefined
  /** Ends the wait for the receipt. An event that is on its way by then stays on its way. */
  signal?: AbortSignal | undefined
}

export interface SenderOptions extends Pick<SharedParts, 'settings' | 'clock' | 'counters'> {
  membership: Membership
}

/** Appends events and disconnects to this Pod's log, and reports which peers received them. */
export class Sender {
  readonly #options: SenderOptions
  #isClosed = false

  constructor(options: SenderOptions) {
    this.#options = options
  }

  /** Rejects all later calls, because this Pod leaves. */
  close(): void {
    this.#isClosed = true
  }

  send(stream: string, msg: string, options: SendOptions): Promise<Receipt> {
    const fault = checkSendOptions(options)
    if (fault !== undefined) return Promise.reject(fault)
    const { tracing } = this.#options.settings
    const traceparent = normalizeTraceparent(options.traceparent)
    if (tracing === undefined) return this.#send(stream, msg, options, traceparent)
    const span = startSend(tracing, { stream, traceparent })
    return followReceipt(
      (follow) => follow(this.#send(stream, msg, options, span.traceparent)),
      ({ resolve, reject }) => ({
        resolve(receipt) {
          span.end(receipt)
          resolve(receipt)
        },
        reject(error) {
          span.fail(error)
          reject(error)
        },
      }),
    )
  }

  async disconnect(
    selector: ConnectionSelector,
    options: Pick<SendOptions, 'signal'>,
  ): Promise<DisconnectReceipt> {
    const mistake = checkSelector(selector, options)
    if (mistake !== undefined) throw mistake
    const { stream, tag } = selector
    const { signal } = options
    this.#requireStarted()
    const fault =
      (stream === undefined ? undefined : validateStreamName(stream)) ??
      (tag === undefined ? undefined : validateTag(tag))
    if (fault !== undefined) throw fault
    signal?.throwIfAborted()
    if (!this.#options.membership.current().mesh.isReady) await this.#whenJoined(signal)
    const { hub, log, mesh } = this.#options.membership.incarnation
    const now = this.#options.clock.now()
    const disconnect = { stream, tag: tag?.toWellFormed() }
    const before = hub.size
    const { seq } = log.append(log.epoch, { disconnect }, now, now)
    const connections = before - hub.size
    mesh.awaited.raise(seq)
    const peers = await new Promise<PeerReceipt[]>((resolve, reject) => {
      mesh.collectAcks(log.epoch, seq, signal, { resolve, reject })
    })
    return { id: formatPosition([[log.epoch, seq]]), connections, peers }
  }

  #send(
    stream: string,
    msg: string,
    options: SendOptions,
    traceparent: string | undefined,
  ): Promise<Receipt> {
    try {
      this.#checkSend(stream, msg, options)
    } catch (error) {
      return Promise.reject(error)
    }
    if (this.#options.membership.current().mesh.isReady)
      return this.#append(stream, msg, options, traceparent)
    const joined = this.#whenJoined(options.signal)
    return joined.then(() => this.#append(stream, msg, options, traceparent))
  }

  #checkSend(stream: string, msg: string, { event, idempotencyKey: key, signal }: SendOptions): void {
    this.#requireStarted()
    const fault =
      validateStreamName(stream) ??
      validateMessage(msg, this.#options.settings.maxMessageBytes) ??
      (event === undefined ? undefined : validateEventType(event)) ??
      (key === undefined ? undefined : validateIdempotencyKey(key))
    if (fault !== undefined) throw fault
    signal?.throwIfAborted()
  }

  /** Appends an event; its promise resolves with the receipt. */
  #append(
    stream: string,
    msg: string,
    { event, idempotencyKey: key, signal }: SendOptions,
    traceparent: string | undefined,
  ): Promise<Receipt> {
    const { hub, log, mesh } = this.#options.membership.incarnation
    const now = this.#options.clock.now()
    const first = key === undefined ? undefined : this.#firstWith(stream, key, now)
    const content = { stream, msg: msg.toWellFormed(), event: event?.toWellFormed(), key, traceparent }
    const { epoch = log.epoch, seq } = first ?? log.append(log.epoch, content, now, now)
    if (first === undefined) this.#options.counters.sent += 1
    const receipt = {
      id: log.eventIds.formatEvent(epoch, seq),
      duplicate: first !== undefined,
      connections: hub.registry.listeners(stream),
      peers: [],
    }
    // There is nothing to wait for, and a plain promise is cheaper, also where it is awaited.
    if (mesh.links.size === 0) return Promise.resolve(receipt)
    return this.#whenAcked(receipt, epoch, seq, signal)
  }

  /** Resolves with `receipt` and the results of its event at the peers. Apart, because closures allocate their scope. */
  #whenAcked(
    receipt: Receipt,
    epoch: string,
    seq: number,
    signal: AbortSignal | undefined,
  ): Promise<Receipt> {
    const { log, mesh } = this.#options.membership.incarnation
    return new ReceiptPromise(
      (resolve, reject) => {
        const onPeers = (peers: PeerReceipt[]) => {
          receipt.peers = peers
          resolve(receipt)
        }
        mesh.collectAcks(epoch, seq, signal, { resolve: onPeers, reject })
      },
      () => epoch === log.epoch && mesh.awaited.raise(seq),
    )
  }

  #requireStarted(): void {
    if (this.#isClosed) throw stopped()
    if (this.#options.membership.joining === undefined) throw new SserError('not-started', NOT_STARTED)
  }

  /** The event of an earlier send with the same key; undefined: there is none. */
  #firstWith(stream: string, key: string, now: number): EventEntry | undefined {
    const { log } = this.#options.membership.incarnation
    log.trim(now)
    return log.indexes.idempotencyKeys.first(stream, key)
  }

  async #whenJoined(signal: AbortSignal | undefined): Promise<void> {
    await this.#options.membership.joining
    if (this.#isClosed) throw stopped()
    signal?.throwIfAborted()
  }
}
