import type { Clock } from '../clock.ts'
import { SserError } from '../errors.ts'
import { type BodyBudget, type BudgetHolder, overloaded } from '../http/body-reader.ts'
import type { Duplex, DuplexReader } from '../http/duplex.ts'
import type { ExchangeCounts } from '../telemetry/counters.ts'
import { APPEND_MAX_BYTES } from '../wire/append-message.ts'
import { LineReader } from './line-reader.ts'
import type { Exchange, ExchangeHandler } from './peer-transport.ts'
import { MAC_LENGTH, type MessageMacs } from './signatures.ts'

/** Bytes of one exchange that count for no budget: most exchanges never buffer more. */
const FREE_BYTES = 4_096
/** Time in which a peer must end its side after this Pod has ended its own, in milliseconds. */
const CLOSE_MS = 5_000
/** Bytes that a peer may leave unread: one longest message, and what a link sends ahead of acknowledgements. */
const MAX_UNREAD_BYTES = APPEND_MAX_BYTES + 1_048_576

export interface LineExchangeOptions {
  duplex: Duplex
  /** Undefined: the messages are not signed. */
  macs: MessageMacs | undefined
  clock: Clock
  /** Time in which one message must arrive, in milliseconds. */
  messageTimeoutMs: number
  counts: ExchangeCounts
  /** Limit of what all exchanges buffer, and the address of the peer. */
  budget: BodyBudget
  address: string
  /** Called before the handler learns of an end for which the peer is to blame. */
  onRejected?: (error: SserError) => void
  /** Called once, when both directions have ended; with an error where the exchange broke off. */
  onGone?: (error?: unknown) => void
}

/** An {@link Exchange} over the two open bodies of a request: each text is a line, after its MAC where it is signed. */
export class LineExchange implements Exchange, DuplexReader, BudgetHolder {
  readonly #options: LineExchangeOptions
  readonly #reader = new LineReader(MAC_LENGTH + APPEND_MAX_BYTES)
  #handler: ExchangeHandler | undefined
  /** Lines that leave at the end of this turn. */
  #lines = ''
  /** The last signature that is not made yet, where the runtime makes them in the background. */
  #signing: Promise<void> | undefined
  #verifying: Promise<void> | undefined
  #isHeld = false
  #cancelTimeout: (() => void) | undefined
  /** True if this direction takes no more texts. */
  #isClosed = false
  /** True if the handler has been told of the end. */
  #isOver = false
  #isGone = false

  constructor(options: LineExchangeOptions) {
    this.#options = options
  }

  get address(): string {
    return this.#options.address
  }

  /** Begins to read. */
  start(handler: ExchangeHandler): void {
    this.#handler = handler
    this.#options.duplex.read(this)
  }

  get bufferedBytes(): number {
    return this.#options.duplex.bufferedBytes + this.#lines.length
  }

  send(text: string): void {
    if (this.#isClosed) return
    const { macs } = this.#options
    const mac = macs === undefined ? '' : macs.sign(text)
    if (typeof mac === 'string' && this.#signing === undefined) {
      this.#add(mac + text)
      return
    }
    const signing = Promise.all([mac, this.#signing]).then(([signed]) => {
      this.#add(signed + text)
      if (this.#signing === signing) this.#signing = undefined
    })
    this.#signing = signing
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    if (this.#signing === undefined) this.#end()
    else void this.#signing.then(() => this.#end())
  }

  abort(reason: unknown): void {
    this.#isClosed = true
    if (this.#isGone) return
    this.#leave(reason)
    this.#options.duplex.destroy(reason)
    this.#finish(reason)
  }

  evict(error: SserError): void {
    this.#reject(error)
  }

  onBytes(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#isOver) return undefined
    const { counts } = this.#options
    counts.receivedBytes += bytes.byteLength
    try {
      this.#reader.push(bytes, this.#onLine)
    } catch (error) {
      this.#reject(error)
      return undefined
    }
    this.#limitTime()
    this.#limitBytes()
    return this.#verifying
  }

  onEnd(error?: unknown): void {
    if (this.#verifying !== undefined) {
      void this.#verifying.then(() => this.onEnd(error))
      return
    }
    if (error === undefined && this.#reader.bufferedBytes === 0) {
      this.#cancelTimeout?.()
      this.#finish(undefined)
      // The handler may have something to say until the end of this turn.
      if (this.#isClosed) this.#leave()
      else this.#options.clock.after(0, () => this.close())
      return
    }
    this.abort(error ?? new SserError('peer-failed', 'the exchange broke off'))
  }

  /** One function for all lines. */
  readonly #onLine = (line: string): boolean => {
    // The next message, which these bytes may begin, has the whole time.
    if (!this.#isClosed) {
      this.#cancelTimeout?.()
      this.#cancelTimeout = undefined
    }
    const { macs } = this.#options
    if (macs === undefined) return this.#deliver(line)
    const text = line.slice(MAC_LENGTH)
    const isValid = macs.verify(line.slice(0, MAC_LENGTH), text)
    if (typeof isValid === 'boolean' && this.#verifying === undefined) return this.#take(isValid, text)
    const verifying = Promise.all([isValid, this.#verifying]).then(([verdict]) => {
      if (this.#verifying === verifying) this.#verifying = undefined
      if (!this.#isOver) this.#take(verdict, text)
    })
    this.#verifying = verifying
    return true
  }

  #take(isValid: boolean, text: string): boolean {
    if (isValid) return this.#deliver(text)
    this.#reject(
      new SserError('unauthorized', 'A message of an exchange is not the next one that its peer signed'),
    )
    return false
  }

  /** Returns false where the exchange is over. */
  #deliver(text: string): boolean {
    try {
      this.#handler?.onMessage(text)
    } catch (error) {
      this.#reject(error)
    }
    return !this.#isOver
  }

  #add(line: string): void {
    if (this.#isGone) return
    if (this.#lines === '') queueMicrotask(() => this.#flush())
    this.#lines += `${line}\n`
  }

  #flush(): void {
    const lines = this.#lines
    if (lines === '' || this.#isGone) return
    this.#lines = ''
    const { counts, duplex } = this.#options
    counts.sentBytes += lines.length
    duplex.write(lines)
    this.#limitBytes()
  }

  #end(): void {
    if (this.#isGone) return
    this.#flush()
    this.#options.duplex.end()
    if (this.#isOver) return this.#leave()
    this.#cancelTimeout?.()
    this.#cancelTimeout = this.#options.clock.after(CLOSE_MS, () => {
      this.abort(new SserError('peer-failed', `did not end the exchange within ${CLOSE_MS} ms`))
    })
  }

  /** An incomplete message must be complete in time. */
  #limitTime(): void {
    if (this.#isClosed) return
    if (this.#reader.bufferedBytes === 0) return
    const { clock, messageTimeoutMs } = this.#options
    this.#cancelTimeout ??= clock.after(messageTimeoutMs, () => {
      this.#reject(new SserError('body-timeout', `A message takes at most ${messageTimeoutMs} ms`))
    })
  }

  /** Counts the bytes of an incomplete message, and those that the peer does not read. */
  #limitBytes(): void {
    if (this.#isGone) return
    const { budget, duplex } = this.#options
    const unread = duplex.bufferedBytes
    const bytes = unread + this.#reader.bufferedBytes
    if (unread > MAX_UNREAD_BYTES) return this.#reject(overloaded())
    if (bytes <= FREE_BYTES) {
      if (this.#isHeld) budget.release(this)
      this.#isHeld = false
      return
    }
    this.#isHeld = true
    budget.set(this, bytes)
  }

  /** Ends the exchange because of what the peer sent, or does not read. */
  #reject(cause: unknown): void {
    if (this.#isGone) return
    const error =
      cause instanceof SserError
        ? cause
        : new SserError('invalid-peer-message', 'A message was not taken', { cause })
    this.#options.onRejected?.(error)
    this.abort(error)
  }

  #finish(error: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#handler?.onClose(error)
  }

  #leave(error?: unknown): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#cancelTimeout?.()
    if (this.#isHeld) this.#options.budget.release(this)
    this.#options.onGone?.(error)
  }
}
