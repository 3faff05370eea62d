import type { Clock } from '../clock.ts'
import { MAX_ASKED } from '../wire/run-messages.ts'
import { producerOf, type RunId } from '../wire/runs.ts'
import type { RunCopy } from './run-copy.ts'
import type { RunPuller } from './run-puller.ts'
import type { AskedPeer, RunRequests } from './run-requests.ts'
import type { Offer, RunWant } from './run-want.ts'

/** Interval of the polls of a peer, and of the checks for runs that peers are to be asked for, in milliseconds. */
const INTERVAL_MS = 250
/** Time for which runs gather that peers are to be asked for, in milliseconds. */
const GATHER_MS = 10

export interface RunPollerOptions {
  clock: Clock
  requests: RunRequests
  puller: RunPuller
  copy(id: RunId): RunCopy | undefined
  /** Returns whether entries of the epoch arrive, by whatever Pod. */
  isHeard(epoch: string): boolean
  /** Returns whether a Pod is silent of which no entry has arrived for `ms`. */
  isSilent(ms: number): boolean
  /** Returns whether the Pod with this epoch has gone, or was silent for so long that its runs count as lost. */
  isLost(epoch: string): boolean
  /** A peer has told what it knows. */
  learn(offers: readonly Offer[]): void
}

/** Asks peers which of them has most of a run, and polls those with which no exchange is open. */
export class RunPoller {
  readonly #options: RunPollerOptions
  readonly #polling = new Set<string>()
  #isAsking = false
  #askedAt = Number.NEGATIVE_INFINITY
  #cancel: (() => void) | undefined
  #isStopped = false

  constructor(options: RunPollerOptions) {
    this.#options = options
  }

  /** There may be runs to ask for. */
  wake(): void {
    const { clock, puller } = this.#options
    if (this.#cancel !== undefined || this.#isStopped || !puller.wants.hasOpen) return
    const waitMs = Math.max(GATHER_MS, this.#askedAt + INTERVAL_MS - clock.now())
    this.#cancel = clock.after(waitMs, () => {
      this.#cancel = undefined
      this.#tick()
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#cancel?.()
  }

  #tick(): void {
    const { clock, puller, requests } = this.#options
    this.#askedAt = clock.now()
    if (!this.#isAsking) {
      const ids = puller.wants.due(clock.now(), MAX_ASKED)
      if (ids.length > 0) void this.#ask(ids)
    }
    const polled = new Set<string>()
    for (const want of puller.wants.open()) if (want.polled !== undefined) polled.add(want.polled)
    for (const epoch of polled) {
      const peer = requests.peer(epoch)
      if (peer !== undefined && !this.#polling.has(epoch)) void this.#poll(peer)
    }
    this.wake()
  }

  async #ask(ids: readonly RunId[]): Promise<void> {
    const { requests, puller, learn, isHeard, isSilent, isLost } = this.#options
    const { generation } = puller
    this.#isAsking = true
    const { answers, isComplete } = await requests.sendToAny({ ids })
    this.#isAsking = false
    if (this.#isStopped) return
    const byId = new Map<RunId, Offer[]>()
    /** The producers that a peer hears. */
    const heard = new Set<string>()
    for (const { peer, answer } of answers) {
      for (const summary of answer.runs) {
        const { id, goneAge, silence = Number.POSITIVE_INFINITY } = summary
        if (goneAge === undefined && !isSilent(silence)) heard.add(producerOf(id))
        const offer = { epoch: peer.epoch, summary }
        const offers = byId.get(summary.id)
        if (offers === undefined) byId.set(summary.id, [offer])
        else offers.push(offer)
      }
    }
    learn([...byId.values()].flat())
    const answered = new Set(answers.map(({ peer }) => peer.epoch))
    // A producer that lives has the chunks, and its link may be about to try again, as may all links of this Pod.
    const isSettledBy = (producer: string) =>
      answered.has(producer) ||
      isLost(producer) ||
      (answers.length > 0 && !isHeard(producer) && !heard.has(producer))
    puller.onOffers(ids, byId, (id) => (isComplete && isSettledBy(producerOf(id)) ? generation : undefined))
    this.wake()
  }

  async #poll(peer: AskedPeer): Promise<void> {
    const { requests, puller, copy } = this.#options
    const { epoch } = peer
    this.#polling.add(epoch)
    const wants: [RunId, number][] = []
    for (const { id } of this.#polledAt(epoch)) {
      if (wants.length < MAX_ASKED) wants.push([id, copy(id)?.next ?? 0])
    }
    const answer = await requests.send(peer, { want: wants })
    this.#polling.delete(epoch)
    if (this.#isStopped) return
    for (const part of answer?.parts ?? []) {
      try {
        puller.onPart(part, epoch, undefined)
      } catch {
        // The puller has reported it, and asks the peer no more.
      }
    }
    if (answer !== undefined) return
    for (const want of this.#polledAt(epoch)) {
      want.polled = undefined
      want.askNow()
    }
    this.wake()
  }

  #polledAt(epoch: string): RunWant[] {
    return [...this.#options.puller.wants.open()].filter(({ polled }) => polled === epoch)
  }
}
