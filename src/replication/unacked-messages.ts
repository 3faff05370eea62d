import { SserError } from '../errors.ts'
import { Deque } from '../log/deque.ts'

/** Maximum length of the messages that a peer has not acknowledged, in UTF-16 units. */
export const MAX_UNACKED_LENGTH = 524_288

/** One message with a run, a section of the side channel or both that was written to an exchange. */
export interface SentMessage {
  readonly length: number
  /** True if it has a run of this Pod's own epoch. */
  readonly isOwn: boolean
  /** Seq of the last entry of its run. */
  readonly last: number
  /** Called when the peer acknowledges it, because of its run and of its section. */
  readonly onRunAck: (() => void) | undefined
  readonly onSectionAck: (() => void) | undefined
}

/** The messages of one side of an exchange that the peer has not acknowledged. Their length is limited, as TCP's window. */
export class UnackedMessages {
  readonly #messages = new Deque<SentMessage>()
  #acked = 0
  #length = 0

  /** True if every message was acknowledged. */
  get isEmpty(): boolean {
    return this.#messages.length === 0
  }

  /** Returns whether another message may be written. Entries of third Pods leave half of the room to own ones. */
  hasRoom(isOwn: boolean): boolean {
    return this.#length < (isOwn ? MAX_UNACKED_LENGTH : MAX_UNACKED_LENGTH / 2)
  }

  add(message: SentMessage): void {
    this.#messages.push(message)
    this.#length += message.length
  }

  /** Removes the messages up to the number `taken`, and yields each. @throws SserError where so many were not sent */
  *ack(taken: number): Generator<SentMessage> {
    for (; this.#acked < taken; this.#acked += 1) {
      const message = this.#messages.shift()
      if (message === undefined)
        throw new SserError('invalid-peer-message', 'It acknowledges messages that were not sent')
      this.#length -= message.length
      yield message
    }
  }
}
