import { type Clock, pause } from '../clock.ts'
import { SserError } from '../errors.ts'
import type { Log } from '../log/log.ts'
import type { ErrorReporter } from '../telemetry/error-reporter.ts'
import type { PeerClient } from '../transport/peer-client.ts'
import { isAbsent, isUnavailable, type Target } from '../transport/peer-transport.ts'
import type { Append } from '../wire/append-message.ts'
import { randomEpoch } from '../wire/position.ts'
import type { Replicator } from './replicator.ts'

/** Number of requests to a peer that is unavailable, with a pause between, because a whole fleet may be starting. */
const ROUNDS = 3
const PAUSE_MS = 250
/** Timeout of one request, so that a silent peer does not use up the time in which another would respond. */
const PEER_TIMEOUT_MS = 1_500

export interface InitialSyncOptions {
  targets: readonly Target[]
  log: Log
  replicator: Replicator
  client: PeerClient
  clock: Clock
  errors: ErrorReporter
  timeoutMs: number
  signal: AbortSignal
}

/** How an initial sync ended. */
export interface InitialSyncResult {
  /** The peer that sent its log. */
  source: string | undefined
  /** True if another Pod has responded, ready or not. */
  hasAnswer: boolean
  /** Error of each peer without a process at its address. */
  absent: ReadonlyMap<string, unknown>
  /** True if the list of peers is empty, or has only this Pod itself. */
  isOnlySelf: boolean
}

/**
 * Fetches the log from one ready peer, while appends of other peers may already arrive. Without a ready peer, or after
 * the timeout, the Pod begins with the entries that it has, and a client that needs more is sent a gap.
 * @see https://www.mongodb.com/docs/manual/core/replica-set-sync/#initial-sync
 */
export async function initialSync(options: InitialSyncOptions): Promise<InitialSyncResult> {
  const { clock, errors, signal, timeoutMs } = options
  const absent = new Map<string, unknown>()
  let hasAnswer = false
  let selves = 0
  const deadline = clock.now() + timeoutMs
  let targets = shuffle(options.targets, clock)
  for (let round = 0; round < ROUNDS && targets.length > 0; round += 1) {
    if (round > 0) await pause(clock, PAUSE_MS)
    const unavailable: Target[] = []
    for (const target of targets) {
      const leftMs = deadline - clock.now()
      if (leftMs <= 0 || signal.aborted) return { source: undefined, hasAnswer, absent, isOnlySelf: false }
      try {
        const sender = await syncFrom(target, options, deadline)
        absent.delete(target.host)
        if (sender === 'ready') return { source: target.host, hasAnswer: true, absent, isOnlySelf: false }
        hasAnswer ||= sender === 'other'
        if (sender === 'self') selves += 1
      } catch (error) {
        // A starting Pod has no log to send, and a Pod that is being deleted may be gone.
        const isExpected = isUnavailable(error) && (target.ready === false || target.terminating === true)
        // In a fixed list, a Pod that is not started yet. The link reports it if it stays absent beside other Pods.
        if (!isExpected && target.ready === undefined && isAbsent(error)) absent.set(target.host, error)
        else if (!isExpected) errors.report(error, { stage: 'initial-sync', peer: target.host })
        unavailable.push(target)
      }
    }
    targets = unavailable
  }
  return { source: undefined, hasAnswer, absent, isOnlySelf: selves === options.targets.length }
}

/** Fetches the whole log of one peer, if it is `ready`. `other`: a Pod that is not, or a Go Pod. `self`: this very Pod. */
async function syncFrom(
  target: Target,
  options: InitialSyncOptions,
  deadline: number,
): Promise<'ready' | 'other' | 'self'> {
  const { client, clock, log, replicator, signal } = options
  for (;;) {
    const leftMs = deadline - clock.now()
    if (leftMs <= 0) throw new SserError('peer-failed', 'the initial sync from it reached its timeout')
    const request: Append = { ...replicator.handshake(clock.now()), hydrate: true }
    const timeoutMs = Math.min(leftMs, PEER_TIMEOUT_MS)
    const response = await client.append(target, request, { signal, timeoutMs })
    if (response === undefined) return 'other'
    if (response.epoch === log.epoch) return 'self'
    // Another Pod has the same epoch. Nothing is numbered yet, so this Pod can change its own.
    if (response.position.has(log.epoch)) log.epoch = randomEpoch(clock.random)
    if (response.ready !== true) return 'other'
    const now = clock.now()
    const before = log.position(now)
    replicator.applyRanges(response.runs, now)
    if (response.v1Age !== undefined) log.losses.onV1Event(now - response.v1Age)
    const after = log.position(now)
    if (!isAhead(response.position, after) || !isAhead(after, before)) return 'ready'
  }
}

/** Returns whether `position` has anything that `other` lacks. */
function isAhead(position: ReadonlyMap<string, number>, other: ReadonlyMap<string, number>): boolean {
  for (const [epoch, seq] of position) if (seq > (other.get(epoch) ?? 0)) return true
  return false
}

/** Shuffles the peers, so that the Pods of a fleet that restarts do not all ask the same one. */
function shuffle(targets: readonly Target[], clock: Clock): Target[] {
  const keyed = targets.map((target) => ({ target, rank: clock.random() }))
  return keyed.sort((a, b) => a.rank - b.rank).map(({ target }) => target)
}
