import { SserError } from '../errors.ts'
import { Deque } from '../log/deque.ts'
import type { Log } from '../log/log.ts'
import type { EntryRange } from '../wire/append-message.ts'
import type { AwaitedSeq } from './exchange-fields.ts'
import type { PeerProgress } from './peer-progress.ts'
import type { EncodedRange, Replicator } from './replicator.ts'
import type { SideSection, SideSession } from './side-channel.ts'

/** Maximum length of the messages that a peer has not acknowledged, in UTF-16 units. */
export const MAX_UNACKED_LENGTH = 524_288

/** One message with a run, a section of the side channel or both that was written to an exchange. */
interface SentMessage {
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
class UnackedMessages {
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

/** Functions of the owner of an exchange that the cursor calls. */
export interface CursorOwner {
  /** A run of own entries after `after` is to be written; it may leave some out, because the log has evicted them. */
  onOwnRange?(after: number, run: EntryRange): void
  /** A run was written; the returned function is called when it is acknowledged. */
  onSent?(run: EncodedRange): (() => void) | undefined
  /** The peer has acknowledged messages of this side. */
  onAck?(peer: PeerProgress, now: number): void
}

/**
 * The entries that one side of an exchange sends next. It goes on after the entries that were written, without waiting
 * for their acknowledgement, until too much is unacknowledged.
 */
export class ExchangeCursor {
  readonly #log: Log
  readonly #replicator: Replicator
  readonly #awaited: AwaitedSeq
  readonly #owner: CursorOwner
  /** By epoch, the seq up to which entries were written. */
  readonly #sent = new Map<string, number>()
  readonly #unacked = new UnackedMessages()
  #progressAt = 0
  /** Own entries up to this seq were written, and the peer knows that it is to acknowledge them at once. */
  #promptSeq = 0
  #isThirdDue = false
  #isFlushing = false

  constructor(context: { log: Log; replicator: Replicator; awaited: AwaitedSeq }, owner: CursorOwner) {
    this.#log = context.log
    this.#replicator = context.replicator
    this.#awaited = context.awaited
    this.#owner = owner
  }

  /** When the peer last acknowledged a message, or the first one after that was sent; undefined: nothing is unacknowledged. */
  get waitsSince(): number | undefined {
    return this.#unacked.isEmpty ? undefined : this.#progressAt
  }

  /** The peer has told its whole position, so it is known which entries of third Pods it lacks. */
  onPosition(): void {
    this.#isThirdDue = true
  }

  /** From now on sends entries of third Pods without the grace. */
  flush(): void {
    this.#isFlushing = true
  }

  /** The next run that the peer lacks, as far as there is room; own entries first. */
  next(peer: PeerProgress, now: number): EncodedRange | undefined {
    const log = this.#log
    const match = Math.max(peer.match(log.epoch), this.#sent.get(log.epoch) ?? 0)
    if (match < log.ownSeq) {
      if (!this.#unacked.hasRoom(true)) return undefined
      const own = this.#replicator.ownRange(match, now)
      this.#owner.onOwnRange?.(match, own.run)
      return own
    }
    if (!this.#isThirdDue || !this.#unacked.hasRoom(false)) return undefined
    const third = this.#replicator.thirdRange(peer, this.#sent, this.#isFlushing, now)
    this.#isThirdDue = third !== undefined
    return third
  }

  /**
   * Returns whether the peer is to be asked for acknowledgements at once, because something has begun to await some that it
   * may delay.
   */
  asksForAcks(peer: PeerProgress): boolean {
    const { value } = this.#awaited
    if (value <= this.#promptSeq) return false
    const sent = this.#sent.get(this.#log.epoch) ?? 0
    if (value > sent || value <= peer.match(this.#log.epoch)) return false
    this.#promptSeq = sent
    return true
  }

  /** Returns whether the peer may delay the acknowledgement of a run, a section or both, because nothing awaits it. */
  mayDelay(range: EncodedRange | undefined, section: SideSection | undefined): boolean {
    if (section?.isAwaited === true) return false
    if (range === undefined) return !this.#isFlushing
    const { run, last } = range
    const { epoch, prev } = run
    if (epoch !== this.#log.epoch) return false
    if (!this.#isFlushing && this.#awaited.value <= prev) return true
    this.#promptSeq = last
    return false
  }

  /** The next section of the side channel, as far as there is room; as entries of third Pods, it leaves half to own entries. */
  nextSection(session: SideSession | undefined): SideSection | undefined {
    return session !== undefined && this.#unacked.hasRoom(false) ? session.next() : undefined
  }

  /** Moves past a run, a section of the side channel or both that were written in a message of `length`. */
  add(run: EncodedRange | undefined, section: SideSection | undefined, length: number, now: number): void {
    if (this.#unacked.isEmpty) this.#progressAt = now
    const onRunAck = run && this.#owner.onSent?.(run)
    const isOwn = run?.run.epoch === this.#log.epoch
    this.#unacked.add({ length, isOwn, last: run?.last ?? 0, onRunAck, onSectionAck: section?.onAck })
    if (run !== undefined) this.#sent.set(run.run.epoch, run.last)
  }

  /** The peer has received `taken` messages with runs or sections. @throws SserError where it did not take what was in them */
  ack(taken: number, peer: PeerProgress, now: number): void {
    const { epoch } = this.#log
    for (const { isOwn, last, onRunAck, onSectionAck } of this.#unacked.ack(taken)) {
      onRunAck?.()
      onSectionAck?.()
      if (isOwn && peer.match(epoch) < last) throw new SserError('peer-failed', 'answers, but takes nothing')
    }
    this.#progressAt = now
    this.#owner.onAck?.(peer, now)
    // Where the peer took less of a third Pod's entries than it was sent, its next position tells.
    if (!this.#unacked.isEmpty || this.#sent.size < 2) return
    for (const sent of this.#sent.keys()) if (sent !== epoch) this.#sent.delete(sent)
  }
}
