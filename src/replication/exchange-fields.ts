import type { Clock } from '../clock.ts'
import type { Log } from '../log/log.ts'
import { ASK, encodePosition } from '../wire/exchange-message.ts'
import { OwedAcks } from './owed-acks.ts'

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
