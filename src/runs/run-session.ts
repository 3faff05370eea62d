import type { SideExchange, SideSection, SideSession } from '../replication/side-channel.ts'
import {
  encodeRunLogs,
  MAX_WANTS,
  type RunLogs,
  type RunPart,
  type WantedFrom,
} from '../wire/run-messages.ts'
import type { RunId } from '../wire/runs.ts'
import { type FeedSource, RunFeed } from './run-feed.ts'

/** Units of chunks in one section. */
const SECTION_UNITS = 49_152
/** Wants in one section. */
const SECTION_WANTS = 1_000

/** Functions that a session calls. */
export interface SessionOwner extends FeedSource {
  onPart(session: RunSession, part: RunPart): void
  /** The peer drains. */
  onLeaving(session: RunSession): void
  /** The peer has received the chunks of the run before `next`. */
  onHeld(epoch: string, id: RunId, next: number): void
  /** The peer wants the run no more. */
  onUnwant(epoch: string, id: RunId): void
  onClose(session: RunSession): void
}

/** The runs of one exchange: the chunks that the peer wants, and those that this Pod wants of it. */
export class RunSession implements SideSession {
  /** Epoch of the peer. */
  readonly epoch: string
  /** True if this Pod has opened the exchange. */
  readonly isOpener: boolean
  readonly feed: RunFeed
  readonly #owner: SessionOwner
  readonly #push: () => void
  readonly #ask: () => void
  /** Wants that are to be sent, with the index of the first chunk. */
  readonly #wants = new Map<RunId, number>()
  readonly #unwants = new Set<RunId>()
  /** Wants of which the peer is to be told whether a reader waits for their chunks. */
  readonly #isRead = new Map<RunId, boolean>()
  /** The runs that this Pod wants of the peer. */
  readonly #wanted = new Set<RunId>()
  #mustLeave = false

  constructor(exchange: SideExchange, owner: SessionOwner) {
    this.epoch = exchange.peer.epoch
    this.isOpener = exchange.isOpener
    this.#owner = owner
    this.#push = exchange.push
    this.#ask = exchange.ask
    this.feed = new RunFeed(owner, exchange.push)
  }

  /** True if the peer takes another want. */
  get hasRoom(): boolean {
    return this.#wanted.size < MAX_WANTS
  }

  /** Wants the chunks of the run from `from` on. `isRead`: a reader of this Pod waits for them. */
  want(id: RunId, from: number, isRead: boolean): void {
    this.#wanted.add(id)
    this.#unwants.delete(id)
    this.#wants.set(id, from)
    if (isRead) this.#isRead.delete(id)
    else this.#isRead.set(id, false)
    this.#push()
  }

  /** A reader of this Pod begins to wait for the chunks of a wanted run, or none does any more. */
  setRead(id: RunId, isRead: boolean): void {
    if (!this.#wanted.has(id)) return
    this.#isRead.set(id, isRead)
    this.#push()
  }

  unwant(id: RunId): void {
    if (!this.#wanted.delete(id)) return
    this.#isRead.delete(id)
    this.#wants.delete(id)
    // Even if this want was not sent, because the peer may have an earlier one.
    this.#unwants.add(id)
    this.#push()
  }

  /** The peer has sent all of the run, and has forgotten the want. */
  finish(id: RunId): void {
    this.#wanted.delete(id)
    this.#wants.delete(id)
    this.#isRead.delete(id)
  }

  /** Sends the chunks of the run, if the peer wants it, and asks for an acknowledgement at once. */
  flush(id: RunId): void {
    if (this.feed.flush(id)) this.#ask()
  }

  /** Tells the peer that this Pod drains. */
  leave(): void {
    this.#mustLeave = true
    this.#push()
  }

  receive({ want, unwant, held, read, parts, leaving }: RunLogs): void {
    const { epoch } = this
    for (const id of unwant) {
      this.feed.unwant(id)
      this.#owner.onUnwant(epoch, id)
    }
    for (const [id, from] of want) {
      this.feed.want(id, from)
      this.#owner.onHeld(epoch, id, from)
    }
    for (const id of held) this.feed.setRead(id, false)
    for (const id of read) this.feed.setRead(id, true)
    if (leaving) this.#owner.onLeaving(this)
    for (const part of parts) this.#owner.onPart(this, part)
  }

  next(): SideSection | undefined {
    if (!this.#hasNext) return undefined
    const want: WantedFrom[] = []
    for (const entry of this.#wants) {
      if (want.length === SECTION_WANTS) break
      want.push(entry)
      this.#wants.delete(entry[0])
    }
    const unwant = [...this.#unwants]
    this.#unwants.clear()
    const { held, read } = this.#takeRead()
    const { isAwaited } = this.feed
    const parts = this.feed.next(SECTION_UNITS)
    const leaving = this.#mustLeave
    this.#mustLeave = false
    const text = encodeRunLogs({ want, unwant, held, read, parts, leaving })
    return text === undefined
      ? undefined
      : { text, isAwaited, onAck: parts.length > 0 ? () => this.#onAck(parts) : undefined }
  }

  close(): void {
    this.feed.close()
    this.#owner.onClose(this)
  }

  /** Asked after each message of the peer, most of which have no answer. */
  get #hasNext(): boolean {
    const isQuiet = this.#wants.size === 0 && this.#unwants.size === 0 && this.#isRead.size === 0
    return !isQuiet || this.#mustLeave || this.feed.isDue
  }

  /** The wants to be marked, apart from those that the peer is yet to be told. */
  #takeRead(): { held: RunId[]; read: RunId[] } {
    const held: RunId[] = []
    const read: RunId[] = []
    for (const [id, isRead] of this.#isRead) {
      if (this.#wants.has(id)) continue
      this.#isRead.delete(id)
      if (isRead) read.push(id)
      else held.push(id)
    }
    return { held, read }
  }

  #onAck(parts: readonly RunPart[]): void {
    for (const { id, from, chunks } of parts)
      if (chunks.length > 0) this.#owner.onHeld(this.epoch, id, from + chunks.length)
  }
}

/** The open exchanges with the peers that know runs, by the epochs of the peers. */
export class RunSessions {
  /** Of each peer, the one that this Pod has opened is the first. */
  readonly #sessions = new Map<string, RunSession[]>()

  add(session: RunSession): void {
    const { epoch, isOpener } = session
    const others = this.#sessions.get(epoch) ?? []
    this.#sessions.set(epoch, isOpener ? [session, ...others] : [...others, session])
  }

  delete(session: RunSession): void {
    const left = this.#sessions.get(session.epoch)?.filter((other) => other !== session) ?? []
    if (left.length > 0) this.#sessions.set(session.epoch, left)
    else this.#sessions.delete(session.epoch)
  }

  /** The exchange in which this Pod asks the peer. */
  get(epoch: string): RunSession | undefined {
    return this.#sessions.get(epoch)?.[0]
  }

  has(epoch: string): boolean {
    return this.#sessions.has(epoch)
  }

  epochs(): Iterable<string> {
    return this.#sessions.keys()
  }

  *[Symbol.iterator](): Iterator<RunSession> {
    for (const sessions of this.#sessions.values()) yield* sessions
  }
}
