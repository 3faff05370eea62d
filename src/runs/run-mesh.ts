import { type Clock, oncePerTurn } from '../clock.ts'
import type { SserError } from '../errors.ts'
import type { Log } from '../log/log.ts'
import type { PeerLink } from '../replication/peer-status.ts'
import type { SideChannel, SideExchange, SideSession } from '../replication/side-channel.ts'
import type { ErrorReporter } from '../telemetry/error-reporter.ts'
import type { PeerClient } from '../transport/peer-client.ts'
import { encodeRunsAnswer, parseRunsRequest, type RunPart, type RunSummary } from '../wire/run-messages.ts'
import { producerOf, type RunEnd, type RunId } from '../wire/runs.ts'
import { HeldRuns, HolderSweep, Holders } from './holders.ts'
import { PeerLiveness } from './peer-liveness.ts'
import { learnRuns, RunAnswers } from './run-answers.ts'
import type { RunCopy } from './run-copy.ts'
import type { RunRecord } from './run-directory.ts'
import { RunHandover } from './run-handover.ts'
import type { CancelOutcome, PeerRunState, RunPeers } from './run-peers.ts'
import { RunPoller } from './run-poller.ts'
import { RunPuller } from './run-puller.ts'
import { RunQuestions } from './run-questions.ts'
import { RunRequests } from './run-requests.ts'
import { RunRevalidation } from './run-revalidation.ts'
import { RunSession, RunSessions, type SessionOwner } from './run-session.ts'
import { RunSync } from './run-sync.ts'
import type { Runs } from './runs.ts'

export interface RunMeshOptions {
  log: Log
  clock: Clock
  errors: ErrorReporter
  client: PeerClient
  runs: Runs
  /** Number of further Pods that keep a copy of each run. */
  holders: number
  /** The links to the peers, by address. */
  links(): ReadonlyMap<string, PeerLink>
}

/** The runs of this Pod among those of its peers: which ones it wants and holds, and what it knows of their producers. */
export class RunMesh implements RunPeers, SideChannel, SessionOwner {
  readonly clock: Clock
  readonly #runs: Runs
  readonly #abort = new AbortController()
  readonly #sessions = new RunSessions()
  readonly #leaving = new Set<string>()
  readonly #peerLiveness: PeerLiveness
  readonly #holders: Holders
  readonly #sweep: HolderSweep
  readonly #held = new HeldRuns()
  readonly #puller: RunPuller
  readonly #requests: RunRequests
  readonly #poller: RunPoller
  readonly #questions: RunQuestions
  readonly #sync: RunSync
  readonly #answers: RunAnswers
  /** The handover of the copies when this Pod stops. */
  readonly handover: RunHandover
  /** A link has changed, or an exchange. */
  readonly onLinksChange: () => void
  readonly #listeners: (() => void)[] = []
  #reachable: ReadonlySet<string> = new Set()
  #isLeaving = false

  constructor(options: RunMeshOptions) {
    this.clock = options.clock
    const { clock, links, log, runs, errors } = options
    const { signal } = this.#abort
    this.#runs = runs
    this.onLinksChange = oncePerTurn(clock, () => {
      if (!signal.aborted) this.#update()
    })
    const ownEpoch = () => log.epoch
    const now = () => clock.now()
    const learn = (found: readonly RunSummary[]) => learnRuns(runs, this.#peerLiveness, found, now())
    this.#peerLiveness = new PeerLiveness({ log, links, sessions: this.#sessions })
    const requests = new RunRequests({ ...options, isLeaving: () => this.#isLeaving, signal })
    this.#requests = requests
    this.#holders = new Holders({ count: options.holders, ownEpoch })
    this.#sweep = new HolderSweep({
      clock,
      visit: ({ id }) => this.#hold(id),
      onError: (error) => errors.report(error, { stage: 'run' }),
    })
    this.#puller = new RunPuller({
      ensureCopy: (id) => this.#ensureCopy(id),
      session: (epoch) => this.#sessions.get(epoch),
      isOwn: (id) => runs.isOwn(id),
      copy: (id) => runs.copies.get(id),
      report: (error: SserError) => errors.report(error, { stage: 'receive' }),
      onOpen: () => this.#poller.wake(),
      onChange: () => this.#notify(),
      now,
    })
    this.#poller = new RunPoller({
      clock,
      requests,
      puller: this.#puller,
      copy: (id) => runs.copies.get(id),
      isHeard: (epoch) => this.#peerLiveness.stateOf(epoch, now()).state === 'connected',
      isSilent: (ms) => this.#peerLiveness.isSilent(ms),
      isLost: (epoch) => runs.producers.of(epoch, now()) === 'lost',
      learn: (offers) => learn(offers.map(({ summary }) => summary)),
    })
    this.#questions = new RunQuestions({ clock, requests, learn })
    this.#sync = new RunSync({ clock, requests, learn })
    new RunRevalidation({ clock, requests, directory: runs.directory, learn, signal }).start()
    this.#answers = new RunAnswers({
      ownEpoch,
      clock,
      directory: runs.directory,
      copies: runs.copies,
      cancel: (id) => runs.cancelOwn(id),
      evicted: (id) => this.evicted(id),
      silence: (epoch, at) => this.#peerLiveness.silence(epoch, at),
      goneAge: (epoch, at) => this.#peerLiveness.goneAge(epoch, at),
      onLeaving: (epoch) => this.#requests.peer(epoch) && this.onLeaving({ epoch }),
      onHeld: (epoch, id, next) => this.onHeld(epoch, id, next),
    })
    const isLeaving = (epoch: string) => this.#leaving.has(epoch)
    const hasHolders = options.holders > 0
    this.handover = new RunHandover({ clock, copies: runs.copies, requests, isLeaving, hasHolders, signal })
    runs.directory.onRecord((record) => this.#onRecord(record))
    runs.directory.onRemove(({ id }) => {
      this.#puller.forget(id)
      this.#held.forget(id)
    })
  }

  get isSynced(): boolean {
    return this.#sync.isDone
  }

  open(exchange: SideExchange): SideSession {
    const session = new RunSession(exchange, this)
    this.#sessions.add(session)
    if (this.#isLeaving) session.leave()
    this.#puller.onSession(session)
    this.onLinksChange()
    return session
  }

  onClose(session: RunSession): void {
    this.#sessions.delete(session)
    this.#puller.onSessionClosed(session)
    this.onLinksChange()
  }

  onPart(session: RunSession, part: RunPart): void {
    this.#puller.onPart(part, session.epoch, session)
  }

  onLeaving({ epoch }: Pick<RunSession, 'epoch'>): void {
    if (this.#leaving.has(epoch)) return
    this.#leaving.add(epoch)
    this.onLinksChange()
  }

  onHeld(epoch: string, id: RunId, next: number): void {
    if (this.#peerLiveness.isKnown(epoch) && this.#runs.isOwn(id) && this.#runs.copies.get(id) !== undefined)
      this.#held.onHeld(epoch, id, next)
  }

  onUnwant(epoch: string, id: RunId): void {
    // A Pod that has all of a run wants it no more.
    if (this.#runs.copies.get(id)?.end === undefined) this.#held.onUnwant(epoch, id)
  }

  copy(id: RunId): RunCopy | undefined {
    return this.#runs.copies.get(id)
  }

  evicted(id: RunId): { from: number; end: RunEnd | undefined } | undefined {
    if (!this.#runs.isOwn(id)) return undefined
    const end = this.#runs.directory.get(id)?.end
    return { from: end?.chunks ?? 0, end }
  }

  /** Entries of an epoch are missing, with headers perhaps. */
  onHole(epoch: string): void {
    this.#sync.require(epoch)
  }

  /** Answers the request of a peer. @throws SserError `invalid-peer-message` */
  answer(body: string): string {
    return encodeRunsAnswer(this.#answers.answer(parseRunsRequest(body)))
  }

  stateOf(epoch: string, now: number): PeerRunState {
    return this.#peerLiveness.stateOf(epoch, now)
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener)
  }

  want(id: RunId): void {
    this.#puller.setRead(id, true)
    this.#onCopy(id)
  }

  unwant(id: RunId): void {
    this.#puller.setRead(id, false)
  }

  mustHold(id: RunId): boolean {
    return this.#puller.isHeld(id)
  }

  async ask(question: { names?: readonly string[]; ids?: readonly RunId[] }): Promise<void> {
    if (this.#requests.reachable().length > 0) await this.#questions.ask(question)
  }

  async cancel(id: RunId): Promise<CancelOutcome> {
    const peer = this.#requests.peer(producerOf(id))
    const answer = peer && (await this.#requests.send(peer, { cancel: id }))
    return answer?.cancel ?? 'unreachable'
  }

  flush(id: RunId): void {
    for (const session of this.#sessions) session.flush(id)
  }

  heldBy(id: RunId, next: number): number {
    return this.#held.count(id, next)
  }

  holdersOf(): number {
    return this.#holders.others
  }

  hasAll(id: RunId): boolean {
    return this.#puller.hasAll(id)
  }

  /** Tells the peers that this Pod drains: from now on others hold what it held. */
  leave(): void {
    this.#isLeaving = true
    for (const session of this.#sessions) session.leave()
    // A request tells it to the others.
    for (const peer of this.#requests.reachable())
      if (!this.#sessions.has(peer.epoch)) this.#requests.tellLeaving(peer)
  }

  stop(): void {
    this.#abort.abort()
    this.#sweep.stop()
    this.#poller.stop()
    this.#questions.stop()
    this.#sync.stop()
  }

  #update(): void {
    const peers = this.#peerLiveness
    peers.update(this.clock.now())
    const isGone = (epoch: string) => peers.isGone(epoch)
    const isForgotten = (epoch: string) => isGone(epoch) || !peers.isKnown(epoch)
    this.#held.onGone(isForgotten)
    for (const epoch of this.#leaving) if (isForgotten(epoch)) this.#leaving.delete(epoch)
    const reachable = new Set(this.#requests.reachable().map(({ epoch }) => epoch))
    const isNew = [...reachable].some((epoch) => !this.#reachable.has(epoch))
    this.#reachable = reachable
    if (isNew) {
      this.#puller.onReachable()
      this.#sync.tryNow()
    }
    const able = [...reachable, ...this.#sessions.epochs()].filter((epoch) => !this.#leaving.has(epoch))
    if (this.#holders.setPeers(new Set(able))) this.#sweep.start(this.#runs.directory.values())
    this.#notify()
  }

  /** Computes whether this Pod holds the run. */
  #hold(id: RunId): void {
    if (this.#isLeaving) return
    this.#puller.setHeld(id, this.#holders.isOwn(id))
  }

  #onRecord({ id, end }: RunRecord): void {
    if (end !== undefined) this.#puller.onEnd(id)
    this.#hold(id)
  }

  #ensureCopy(id: RunId): RunCopy | undefined {
    const record = this.#runs.directory.get(id)
    if (record === undefined) return undefined
    const known = this.#runs.copies.get(id)
    const copy = known ?? this.#runs.copies.ensure(record)
    if (known === undefined) this.#onCopy(id)
    return copy
  }

  /** Peers may want the run of which there is a copy now. */
  #onCopy(id: RunId): void {
    for (const { feed } of this.#sessions) feed.onCopy(id)
  }

  #notify(): void {
    for (const listener of this.#listeners) listener()
  }
}
