import { ageMs, type Clock } from '../clock.ts'
import { SserError } from '../errors.ts'
import type { Log } from '../log/log.ts'
import { type Exchange, type ExchangeHandler, PeerTimeoutError } from '../transport/peer-transport.ts'
import {
  DELAY,
  type ExchangeMessage,
  encodeFirstMessage,
  encodeMessage,
  parseExchangeMessage,
} from '../wire/exchange-message.ts'
import { type CursorOwner, ExchangeCursor, MAX_UNACKED_LENGTH } from './exchange-cursor.ts'
import { type AwaitedSeq, ExchangeFields } from './exchange-fields.ts'
import { MessagePace } from './message-pace.ts'
import type { PeerProgress } from './peer-progress.ts'
import type { Replicator } from './replicator.ts'
import type { SideChannel, SideSession } from './side-channel.ts'

/** Parts of this Pod that every exchange uses. */
export interface ExchangeContext {
  log: Log
  replicator: Replicator
  clock: Clock
  awaited: AwaitedSeq
  /** Time in which a peer must acknowledge, in milliseconds. */
  requestTimeoutMs: number
  /** Data beside the entries of the log; undefined in tests without. */
  sideChannel?: SideChannel | undefined
  /** Progress of the Pod with that epoch. */
  progressOf(epoch: string): PeerProgress
  /** Returns whether this Pod's process was paused for so long that its ages are wrong. */
  wasPaused(): boolean
  /** Begins a new incarnation, after a pause. */
  onPause(): void
}

/** The side of a link that an exchange serves: that of the link itself, or of the peer's. */
export interface ExchangeOwner extends CursorOwner {
  /** True if this Pod has opened the exchange. */
  readonly isOpener: boolean
  /** Returns whether entries may be sent in the exchange now. */
  maySend(peer: PeerProgress, now: number): boolean
  /** The peer has sent its first message. */
  onOpen(peer: PeerProgress): void
  /** The peer has told its whole position. */
  onPosition(peer: PeerProgress): void
  /** The exchange is over; undefined: without an error. */
  onEnd(error: unknown): void
}

/**
 * One side of an open exchange with a peer. It writes the entries that the peer lacks without waiting for answers, up to a
 * limit, and acknowledges the peer's once in each turn of the event loop. All it knows ends with the exchange, apart from
 * the peer's progress.
 */
export class LinkExchange implements ExchangeHandler {
  readonly #context: ExchangeContext
  readonly #owner: ExchangeOwner
  /** When the exchange began: messages that are received are compared with the first, those that are sent tell the second. */
  #comparedFrom: number
  #countedFrom: number
  /** This Pod's epoch in its first message. */
  #epoch: string | undefined
  #exchange: Exchange | undefined
  #peer: PeerProgress | undefined
  #heardAt: number
  readonly #cursor: ExchangeCursor
  readonly #fields: ExchangeFields
  /** Undefined: the peer does not know the side channel. */
  #session: SideSession | undefined
  #isScheduled = false
  #isOver = false
  #cancelWatch: (() => void) | undefined
  readonly #pace: MessagePace

  constructor(context: ExchangeContext, owner: ExchangeOwner) {
    this.#context = context
    this.#owner = owner
    this.#cursor = new ExchangeCursor(context, owner)
    this.#pace = new MessagePace(context.clock, () => this.push())
    this.#fields = new ExchangeFields(context.clock, context.log, () => this.push())
    const now = context.clock.now()
    this.#comparedFrom = now
    this.#countedFrom = now
    this.#heardAt = now
  }

  /** The peer, once it has sent its first message. */
  get peer(): PeerProgress | undefined {
    return this.#peer
  }

  /** True if the peer has sent its first message, and the exchange is not over. */
  get isOpen(): boolean {
    return this.#peer !== undefined && !this.#isOver
  }

  /** The peer has accepted the exchange. */
  begin(exchange: Exchange): void {
    const { clock, log } = this.#context
    if (this.#isOver) {
      exchange.abort(new SserError('stopped', 'the exchange is over'))
      return
    }
    this.#exchange = exchange
    const now = clock.now()
    this.#countedFrom = now
    this.#heardAt = now
    this.#epoch = log.epoch
    log.trim(now)
    exchange.send(encodeFirstMessage(log.epoch, 0, log.position(now)))
    this.#watch()
  }

  onMessage(text: string): void {
    if (this.#isOver) return
    if (this.#context.wasPaused()) {
      this.#context.onPause()
      return
    }
    try {
      this.#receive(parseExchangeMessage(text), text.length)
    } catch (error) {
      this.abort(error)
    }
    this.push()
  }

  onClose(error?: unknown): void {
    this.#end(error)
    // The peer reads no more either.
    this.#exchange?.close()
  }

  /** Writes, at the end of this turn, all that the peer is to be sent. */
  push(): void {
    if (this.#isScheduled || this.#isOver) return
    this.#isScheduled = true
    queueMicrotask(() => {
      this.#isScheduled = false
      this.#write()
    })
  }

  /** Sends this Pod's position, as each beat does. */
  beat(): void {
    this.#fields.tell()
    this.push()
  }

  /** Sends the peer all that it lacks, also of third Pods and without the grace, because this Pod leaves. */
  flush(): void {
    this.#cursor.flush()
    this.#fields.ask()
    this.push()
  }

  /** Ends the exchange after all that is to be acknowledged. */
  close(): void {
    if (this.#isOver) return
    this.#fields.close()
    if (!this.#context.wasPaused()) this.#write()
    this.#end(undefined)
    const exchange = this.#exchange
    exchange?.close()
    this.#context.clock.after(CLOSE_MS, () =>
      exchange?.abort(new SserError('stopped', 'the exchange is over')),
    )
  }

  abort(error: unknown): void {
    this.#end(error)
    this.#exchange?.abort(error)
  }

  #receive(message: ExchangeMessage, length: number): void {
    const { clock, log, replicator, progressOf } = this.#context
    const now = clock.now()
    const lateMs = Math.abs(now - this.#comparedFrom - message.at)
    if (lateMs > log.timing.maxLateMs)
      throw new SserError('peer-failed', `a message was on its way for ${Math.round(lateMs)} ms`)
    this.#heardAt = now
    const { epoch, position, runs, runLogs, acks, taken } = message
    if (this.#peer === undefined) {
      if (epoch === undefined || position === undefined)
        throw new SserError(
          'invalid-peer-message',
          'The first message of an exchange has no epoch or no position',
        )
      if (epoch === log.epoch) throw new SserError('stopped', 'the exchange leads to this Pod itself')
    }
    const peer = this.#peer ?? progressOf(epoch as string)
    log.trim(now)
    const section = runLogs === true ? undefined : runLogs
    if (runs !== undefined) replicator.applyRanges(runs, now)
    if (runs !== undefined || section !== undefined)
      this.#fields.acks.add(runs ?? [], length, message.delay === true)
    if (position !== undefined) {
      peer.observe(position, log.position(now), now)
      this.#cursor.onPosition()
    }
    if (acks !== undefined) peer.acknowledge(acks, log.epochs, now)
    if (message.ask) this.#fields.tell()
    if (this.#peer === undefined) {
      this.#peer = peer
      this.#owner.onOpen(peer)
      if (runLogs === true) this.#openSession(peer)
    }
    if (section !== undefined) this.#session?.receive(section)
    if (taken !== undefined) this.#cursor.ack(taken, peer, now)
    if (position !== undefined) this.#owner.onPosition(peer)
  }

  #openSession(peer: PeerProgress): void {
    const { isOpener } = this.#owner
    peer.knowsRuns = true
    const ask = () => {
      this.#fields.ask()
      this.push()
    }
    this.#session = this.#context.sideChannel?.open({ peer, isOpener, push: () => this.push(), ask })
  }

  #write(): void {
    const peer = this.#peer
    const exchange = this.#exchange
    if (this.#isOver || peer === undefined || exchange === undefined) return
    const { clock, log } = this.#context
    const now = clock.now()
    if (this.#epoch !== log.epoch || exchange.bufferedBytes > MAX_BUFFERED_BYTES) {
      this.abort(new SserError('peer-failed', 'does not read what it is sent'))
      return
    }
    if (this.#cursor.asksForAcks(peer)) this.#fields.ask()
    let fields = this.#fields.take(now)
    const pace = this.#pace
    // First, because one timer wakes both, and sections never wait for longer.
    const holdsSections = pace.holdsSections(now)
    const holdsEntries = this.#cursor.waitsSince !== undefined && pace.holdsEntries(now)
    for (;;) {
      const isHeld = holdsEntries || !this.#owner.maySend(peer, now)
      const run = isHeld ? undefined : this.#cursor.next(peer, now)
      const section = holdsSections ? undefined : this.#cursor.nextSection(this.#session)
      const isEmpty = run === undefined && section === undefined
      if (isEmpty && fields === '') return
      if (!isEmpty && this.#cursor.mayDelay(run, section)) fields += fields === '' ? DELAY : `,${DELAY}`
      const at = ageMs(this.#countedFrom, now)
      const text = encodeMessage({ at, fields, runs: run?.text, runLogs: section?.text })
      fields = ''
      exchange.send(text)
      if (isEmpty) return
      this.#cursor.add(run, section, text.length, now)
      pace.onWritten(now, section !== undefined)
    }
  }

  /** Aborts the exchange when the peer is silent, or acknowledges nothing. */
  #watch(): void {
    const { clock, log, requestTimeoutMs } = this.#context
    this.#cancelWatch = clock.after(requestTimeoutMs / WATCHES, () => {
      const now = clock.now()
      const silentMs = requestTimeoutMs + (this.#peer === undefined ? 0 : log.timing.noopIntervalMs)
      const isSilent = now - this.#heardAt > silentMs
      const isStuck = now - (this.#cursor.waitsSince ?? now) > requestTimeoutMs
      if (isSilent || isStuck) this.abort(new PeerTimeoutError(requestTimeoutMs))
      else this.#watch()
    })
  }

  #end(error: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#cancelWatch?.()
    this.#pace.stop()
    this.#fields.acks.stop()
    this.#session?.close()
    this.#owner.onEnd(error)
  }
}

/** Checks for a silent peer in the time in which it must acknowledge. */
const WATCHES = 5
/** Time in which a peer must end its direction after this Pod did, in milliseconds. */
const CLOSE_MS = 1_000
/** Bytes that the network has not taken; more than the window, because of acknowledgements that a peer does not read. */
const MAX_BUFFERED_BYTES = 8 * MAX_UNACKED_LENGTH
