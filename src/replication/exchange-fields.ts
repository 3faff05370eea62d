import type { Clock } from '../clock.ts'
import type { Epochs } from '../log/epochs.ts'
import type { Log } from '../log/log.ts'
import type { EntryRange } from '../wire/append-message.ts'
import { ASK, encodeAcks, encodePosition } from '../wire/exchange-message.ts'

/** The fields of the next message of an exchange beside its runs: acknowledgements, the position, the request for one. */
export class ExchangeFields {
  readonly acks: OwedAcks
  readonly #log: Log
  #mustTell = false
  #mustAsk = false
  #isClosing = false

  /** Calls `onDue` when a message is to be sent because of delayed acknowledgements. */
  constructor(clock: Clock, log: Log, onDue: () => void) {
    this.#log = log
    this.acks = new OwedAcks(clock, log.epochs, onDue)
  }

  /** The next message is to have this Pod's position. */
  tell(): void {
    this.#mustTell = true
  }

  /** The next message is to ask for the peer's position. */
  ask(): void {
    this.#mustAsk = true
  }

  /** The next message is the last one. */
  close(): void {
    this.#isClosing = true
  }

  /** Encodes the fields, and forgets them. */
  take(now: number): string {
    const fields: string[] = []
    const acks = this.acks.take(this.#mustTell || this.#isClosing)
    if (acks !== undefined) fields.push(acks)
    if (this.#mustTell) fields.push(encodePosition(this.#log.position(now)))
    if (this.#mustAsk) fields.push(ASK)
    this.#mustTell = false
    this.#mustAsk = false
    return fields.join(',')
  }
}

/** Time for which an acknowledgement that nothing waits for gathers others, in milliseconds. */
const DELAY_MS = 200
/** The same for sections of the side channel alone, for which no sender waits but for room in its window. */
const SECTION_DELAY_MS = 500
/** Length of messages that ends the delay, in UTF-16 units: an eighth of what the other side sends ahead. */
const MAX_DELAYED_LENGTH = 65_536

/**
 * The acknowledgements that this Pod owes the other side of an exchange.
 * @see https://www.rfc-editor.org/rfc/rfc1122#page-96
 */
export class OwedAcks {
  readonly #clock: Clock
  readonly #epochs: Epochs
  readonly #onDue: () => void
  /** Number of messages with entries that were received. */
  #taken = 0
  /** Epochs of the entries that are not acknowledged. */
  readonly #owed = new Set<string>()
  #length = 0
  #isDue = false
  #cancelDelay: (() => void) | undefined
  #delayedTo = 0

  /** Calls `onDue` when the acknowledgements are not to be delayed any more. */
  constructor(clock: Clock, epochs: Epochs, onDue: () => void) {
    this.#clock = clock
    this.#epochs = epochs
    this.#onDue = onDue
  }

  /** A message of `length` with entries was applied. */
  add(ranges: readonly EntryRange[], length: number, mayDelay: boolean): void {
    this.#taken += 1
    this.#length += length
    for (const { epoch } of ranges) this.#owed.add(epoch)
    if (!mayDelay || this.#length > MAX_DELAYED_LENGTH) this.#isDue = true
    else this.#delay(ranges.length === 0 ? SECTION_DELAY_MS : DELAY_MS)
  }

  /** The field of the acknowledgements, if they are due; `now`: also of delayed ones. */
  take(now: boolean): string | undefined {
    if (this.#length === 0 || !(now || this.#isDue)) return undefined
    const acks = new Map<string, number>()
    for (const epoch of this.#owed) acks.set(epoch, this.#epochs.get(epoch)?.have ?? 0)
    this.#owed.clear()
    this.#length = 0
    this.#isDue = false
    return encodeAcks(this.#taken, acks)
  }

  stop(): void {
    this.#cancelDelay?.()
  }

  #delay(ms: number): void {
    const to = this.#clock.now() + ms
    if (this.#cancelDelay !== undefined && this.#delayedTo <= to) return
    this.#cancelDelay?.()
    this.#delayedTo = to
    this.#cancelDelay = this.#clock.after(ms, () => this.#onDelayOver())
  }

  #onDelayOver(): void {
    this.#cancelDelay = undefined
    if (this.#length === 0) return
    this.#isDue = true
    this.#onDue()
  }
}

/**
 * The last event of this Pod whose receipt something awaits. Peers may acknowledge other events later, because an
 * acknowledgement costs as much as a small event.
 */
export class AwaitedSeq {
  #value = 0
  readonly #onRaise: () => void

  /** Calls `onRaise` when it rises: a peer may have been told that it need not hurry. */
  constructor(onRaise: () => void) {
    this.#onRaise = onRaise
  }

  get value(): number {
    return this.#value
  }

  raise(seq: number): void {
    if (seq <= this.#value) return
    this.#value = seq
    this.#onRaise()
  }
}
