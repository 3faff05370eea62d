import { SserError } from '../errors.ts'
import type { RunPart } from '../wire/run-messages.ts'
import type { RunId } from '../wire/runs.ts'
import type { RunCopy } from './run-copy.ts'
import type { RunSession } from './run-session.ts'
import { chooseSource, type Offer, RunWant } from './run-want.ts'
import { WantedRuns } from './wanted-runs.ts'

/** Functions that the puller calls. */
export interface PullerOwner {
  /** The copy of a run that is wanted; undefined: the run is not known any more. */
  ensureCopy(id: RunId): RunCopy | undefined
  /** The exchange in which the Pod with this epoch is asked; undefined: none is open. */
  session(epoch: string): RunSession | undefined
  /** True if this Pod is the producer. */
  isOwn(id: RunId): boolean
  /** The copy of a run that is known. */
  copy(id: RunId): RunCopy | undefined
  report(error: SserError): void
  /** There are runs that peers are to be asked for. */
  onOpen(): void
  /** {@link RunPuller.hasAll} may have changed. */
  onChange(): void
  now(): number
}

/**
 * The runs that this Pod wants of others: each has one source, which is the producer, if an exchange with it is open, else the
 * peer that has most.
 */
export class RunPuller {
  readonly #owner: PullerOwner
  /** The runs, also for those that ask peers. */
  readonly wants: WantedRuns = new WantedRuns()
  readonly #held = new Set<RunId>()
  /** Increases when a peer can be asked that could not before. */
  #generation = 0

  constructor(owner: PullerOwner) {
    this.#owner = owner
  }

  /** True if this Pod holds the run. */
  isHeld(id: RunId): boolean {
    return this.#held.has(id)
  }

  /** A client of this Pod reads the run, or none does any more. */
  setRead(id: RunId, isRead: boolean): void {
    this.#set(id, (want) => {
      if (isRead !== want.isRead) want.session?.setRead(id, isRead)
      want.isRead = isRead
      if (isRead) want.onReader()
    })
  }

  /** This Pod is a holder of the run, or is none any more. */
  setHeld(id: RunId, isHeld: boolean): void {
    if (isHeld === this.#held.has(id)) return
    if (isHeld) this.#held.add(id)
    else this.#held.delete(id)
    this.#set(id)
  }

  /** The run is not known any more. */
  forget(id: RunId): void {
    this.#held.delete(id)
    const want = this.wants.get(id)
    if (want !== undefined) this.#drop(want)
  }

  /** True if no peer that can be reached has more of the run. Asks them, and tells by `onChange` when they have answered. */
  hasAll(id: RunId): boolean {
    const want = this.wants.get(id)
    if (want === undefined) return true
    if (want.isDoubted) return want.settledIn === this.#generation
    want.onDoubt()
    this.wants.setOpen(want, true)
    this.#owner.onOpen()
    return false
  }

  /** A peer can be asked that could not before. */
  onReachable(): void {
    this.#generation += 1
    for (const want of this.wants.open()) {
      want.excluded.clear()
      want.askNow()
    }
    this.#owner.onOpen()
  }

  onSession(session: RunSession): void {
    for (const want of this.wants.of(session.epoch)) {
      want.excluded.delete(session.epoch)
      if (!want.isFromProducer) this.#assign(want)
    }
  }

  onSessionClosed(session: RunSession): void {
    for (const want of this.wants.values()) {
      if (want.session !== session) continue
      want.session = undefined
      want.askNow()
      this.#assign(want)
    }
  }

  /** The end of a run is known; its chunks may be as well. */
  onEnd(id: RunId): void {
    const want = this.wants.get(id)
    if (want === undefined) return
    want.isAsking = false
    if (this.#owner.copy(id)?.isComplete === true) this.#drop(want)
  }

  /** Takes a part that a peer has sent. @throws SserError where it contradicts what this Pod holds */
  onPart(part: RunPart, epoch: string, session: RunSession | undefined): void {
    const { id, from, chunks, floor, end } = part
    if (this.#owner.isOwn(id)) return
    const want = this.wants.get(id)
    const copy = this.#owner.copy(id)
    if (copy === undefined) {
      if (want !== undefined) this.#drop(want)
      return
    }
    if (want?.refused.has(epoch)) return
    if (floor === true) {
      if (want !== undefined && (want.session === session || want.polled === epoch))
        this.#onFloor(want, copy, from, epoch)
    } else {
      const { next } = copy
      const contradicted = copy.append(from, chunks)
      if (contradicted !== undefined) throw this.#conflict(id, epoch, `chunk ${contradicted}`)
      // The peer has what it sends, should it want the run of this Pod.
      session?.feed.skip(id, from + chunks.length)
      // A poll is answered with an empty part where the peer has no more.
      if (want !== undefined && copy.next > next) this.#onProgress(want)
    }
    if (end !== undefined) {
      // Before the end is told, because the want ends with it, and the peer has forgotten it already.
      if (copy.next >= end.chunks) session?.finish(id)
      if (copy.next > end.chunks || !copy.setEnd(end)) throw this.#conflict(id, epoch, 'another end')
    }
    if (want !== undefined) this.#onPartOf(want, copy, part, session)
  }

  #onPartOf(want: RunWant, copy: RunCopy, part: RunPart, session: RunSession | undefined): void {
    const { id, from, chunks, floor } = part
    if (copy.isComplete) this.#drop(want)
    else if (want.floor !== undefined && copy.next >= want.floor) {
      want.floor = undefined
      this.#assign(want)
    } else if (from > copy.next && chunks.length > 0 && floor !== true)
      session?.want(id, copy.next, want.isRead)
  }

  /** Mark of the peers that can be reached now, for {@link onOffers}. */
  get generation(): number {
    return this.#generation
  }

  /** Peers have answered for these runs; where `generationOf` returns one, all that could be reached at that time. */
  onOffers(
    ids: readonly RunId[],
    offers: ReadonlyMap<RunId, readonly Offer[]>,
    generationOf: (id: RunId) => number | undefined,
  ): void {
    const now = this.#owner.now()
    for (const id of ids) {
      const want = this.wants.get(id)
      if (want === undefined) continue
      // A peer may have got more since it answered an earlier question.
      const generation = want.onAnswered(now) ? generationOf(id) : undefined
      if (this.wants.isOpen(want)) this.#choose(want, offers.get(id) ?? [], generation)
    }
    this.#owner.onChange()
  }

  #isWanted({ id, isRead }: RunWant): boolean {
    return isRead || this.#held.has(id)
  }

  #set(id: RunId, change?: (want: RunWant) => void): void {
    let want = this.wants.get(id)
    if (want === undefined) {
      want = new RunWant(id)
      change?.(want)
      if (!this.#isWanted(want)) return
      const copy = this.#owner.ensureCopy(id)
      if (copy === undefined || copy.isComplete) return
      this.wants.add(want)
      this.#assign(want)
      return
    }
    change?.(want)
    if (!this.#isWanted(want)) this.#drop(want)
    else if (this.wants.isOpen(want)) this.#owner.onOpen()
  }

  /** More has arrived, so which peers have all is to be asked again when it matters. */
  #onProgress(want: RunWant): void {
    want.onProgress()
    if (want.isFromProducer) this.wants.setOpen(want, false)
  }

  /** Asks the producer, if it can be asked; else the peers are to be asked which of them has most. */
  #assign(want: RunWant): void {
    const { producer, floor } = want
    const session = floor === undefined && want.accepts(producer) ? this.#owner.session(producer) : undefined
    if (session === undefined || !this.#setSession(want, session)) {
      this.wants.setOpen(want, true)
      this.#owner.onOpen()
      return
    }
    want.polled = undefined
    this.wants.setOpen(want, false)
  }

  /** Asks in this exchange from the next chunk on. Returns false where the peer wants no more to be asked. */
  #setSession(want: RunWant, session: RunSession): boolean {
    const copy = this.#owner.ensureCopy(want.id)
    if (copy === undefined || !session.hasRoom) return false
    if (want.session !== session) want.session?.unwant(want.id)
    want.session = session
    session.want(want.id, copy.next, want.isRead)
    return true
  }

  #drop(want: RunWant): void {
    this.wants.delete(want)
    want.session?.unwant(want.id)
  }

  /** The source holds no chunk before `floor`: the others are asked, before the copy begins there. */
  #onFloor(want: RunWant, copy: RunCopy, floor: number, epoch: string): void {
    want.session?.unwant(want.id)
    want.session = undefined
    want.polled = undefined
    if (floor <= copy.next || floor > copy.maxChunks) want.excluded.add(epoch)
    else if (epoch === want.producer) want.floor = floor
    want.askNow()
    this.wants.setOpen(want, true)
    this.#owner.onOpen()
  }

  /** Chooses the source of a run by the answers of the peers. */
  #choose(want: RunWant, offers: readonly Offer[], generation: number | undefined): void {
    const copy = this.#owner.ensureCopy(want.id)
    if (copy === undefined) return this.forget(want.id)
    const { next } = copy
    const accepted = offers.filter(
      // A peer that has chunks beyond the end lies.
      ({ epoch, summary }) => want.accepts(epoch) && summary.next <= copy.maxChunks,
    )
    const { best, floor, floorEpoch, equal } = chooseSource(accepted, next, want.floor)
    if (best !== undefined) {
      want.onPromise(best, next)
      if (!want.isFromProducer || !want.accepts(want.producer)) this.#ask(want, best)
    } else if (floor !== undefined) {
      // No peer has the chunks in between.
      copy.skipTo(floor)
      want.floor = undefined
      this.#assign(want)
      if (!want.isFromProducer && floorEpoch !== undefined) this.#ask(want, floorEpoch)
    } else {
      if (generation !== undefined || want.isUnanswered) want.settledIn = generation ?? this.#generation
      // A peer that has as much may get more, where this Pod cannot reach the producer.
      if (equal !== undefined && want.session === undefined && want.polled === undefined)
        this.#ask(want, equal)
    }
  }

  #ask(want: RunWant, epoch: string): void {
    const session = this.#owner.session(epoch)
    if (session !== undefined) {
      want.polled = undefined
      if (want.session !== session) this.#setSession(want, session)
    } else {
      want.session?.unwant(want.id)
      want.session = undefined
      want.polled = epoch
    }
  }

  #conflict(id: RunId, epoch: string, what: string): SserError {
    const want = this.wants.get(id)
    if (want !== undefined) {
      want.refused.add(epoch)
      want.session = undefined
      want.polled = undefined
      want.askNow()
      this.#assign(want)
    }
    const error = new SserError(
      'conflicting-event',
      `The Pod ${epoch} sent ${what} of the run ${id} that differs from the first one; the first one stays`,
    )
    this.#owner.report(error)
    return error
  }
}
