import type { RunSummary } from '../wire/run-messages.ts'
import { producerOf, type RunId } from '../wire/runs.ts'
import type { RunSession } from './run-session.ts'

/** Waits between two questions for a run that a client reads, and for one that is only held, in milliseconds. */
const ASK_MS = 250
const MAX_READ_MS = 4_000
const MAX_HELD_MS = 60_000
/** Questions in a row after which a peer that does not answer counts as one that cannot be reached. */
const MAX_UNANSWERED = 5
/** Questions that a peer may answer with more than it then sends. */
const MAX_BROKEN_PROMISES = 4

/** A run that this Pod wants of other Pods, and its source. */
export class RunWant {
  readonly id: RunId
  /** Epoch of its producer. */
  readonly producer: string
  /** True if a client of this Pod reads it. */
  isRead = false
  /** The exchange that it was asked for in. */
  session: RunSession | undefined
  /** Epoch of the peer that is polled for it. */
  polled: string | undefined
  /** The producer holds no chunk before this one, so that the others are asked first. */
  floor: number | undefined
  /** Generation of peers none of which has more than this Pod. */
  settledIn = -1
  /** True if it matters whether another Pod has more, since the last chunk has arrived. */
  isDoubted = false
  /** When the peers are to be asked. */
  askAt: number = Number.NEGATIVE_INFINITY
  /** True while a question is under way whose answers count: not one that began before the last chunk arrived, or the end. */
  isAsking = false
  /** Peers that do not send what they have told of, or have none of it. */
  readonly excluded: Set<string> = new Set()
  /** Peers that contradict what this Pod holds. */
  readonly refused: Set<string> = new Set()
  #tries = 0
  #promise = { epoch: '', next: 0, broken: 0 }

  constructor(id: RunId) {
    this.id = id
    this.producer = producerOf(id)
  }

  /** True if the producer sends it. */
  get isFromProducer(): boolean {
    return this.session?.epoch === this.producer && this.floor === undefined
  }

  /** True if peers have not answered often enough. */
  get isUnanswered(): boolean {
    return this.#tries > MAX_UNANSWERED
  }

  /** Returns whether the peer may be its source. */
  accepts(epoch: string): boolean {
    return !this.excluded.has(epoch) && !this.refused.has(epoch)
  }

  /** The peers are to be asked at once. */
  askNow(): void {
    this.#tries = 0
    this.askAt = Number.NEGATIVE_INFINITY
  }

  /** It matters now whether another Pod has more. */
  onDoubt(): void {
    this.isDoubted = true
    this.settledIn = -1
    this.askNow()
  }

  /** More chunks have arrived. */
  onProgress(): void {
    this.isDoubted = false
    this.isAsking = false
    this.settledIn = -1
  }

  /** A client begins to read: what was found before may be of a time in which the peers were out of reach. */
  onReader(): void {
    this.isDoubted = false
    this.excluded.clear()
    this.#promise = { epoch: '', next: 0, broken: 0 }
    this.askNow()
  }

  /** The peers have answered. Returns false where the answers do not count, because a later question is due. */
  onAnswered(now: number): boolean {
    if (!this.isAsking) return false
    this.isAsking = false
    const maxMs = this.isRead ? MAX_READ_MS : MAX_HELD_MS
    this.askAt = now + Math.min(maxMs, ASK_MS * 2 ** this.#tries)
    this.#tries += 1
    return true
  }

  /** The peer has told that it has more than this Pod, which has the chunks before `next`. */
  onPromise(epoch: string, next: number): void {
    const isBroken = this.#promise.epoch === epoch && this.#promise.next === next
    const broken = isBroken ? this.#promise.broken + 1 : 0
    this.#promise = { epoch, next, broken }
    if (broken >= MAX_BROKEN_PROMISES) this.excluded.add(epoch)
  }
}

/** The part of a run that an asked peer has. */
export interface Offer {
  readonly epoch: string
  readonly summary: RunSummary
}

/** The source of a run that the offers suggest, for a copy that lacks the chunks from `next` on. */
export interface Choice {
  /** The peer that has most from there on. */
  readonly best: string | undefined
  /** The first chunk that any peer has, where none has the next one. */
  readonly floor: number | undefined
  /** The peer that has this chunk. */
  readonly floorEpoch: string | undefined
  /** The peer that has as much as this Pod, and may get more. */
  readonly equal: string | undefined
}

/** Chooses the source of a run among peers. `floor`: the first chunk that the producer has. */
export function chooseSource(offers: readonly Offer[], next: number, floor: number | undefined): Choice {
  let best: Offer | undefined
  let lowest: Offer | undefined
  let most: Offer | undefined
  for (const offer of offers) {
    const { summary } = offer
    if (summary.next > (most?.summary.next ?? -1)) most = offer
    if (summary.next <= next) continue
    if (summary.first > next) {
      if (summary.first < (lowest?.summary.first ?? Number.POSITIVE_INFINITY)) lowest = offer
    } else if (summary.next > (best?.summary.next ?? 0)) best = offer
  }
  const floors = [lowest?.summary.first, floor].filter((first) => first !== undefined)
  return {
    best: best?.epoch,
    floor: floors.length === 0 ? undefined : Math.min(...floors),
    floorEpoch: lowest?.epoch,
    equal: most?.epoch,
  }
}
