import { type Clock, pause } from '../clock.ts'
import type { Target } from '../discovery/peer.ts'
import { SserError } from '../errors.ts'
import type { Log } from '../log/log.ts'
import type { ErrorReporter } from '../telemetry/error-reporter.ts'
import type { PeerClient } from '../transport/peer-client.ts'
import { isUnavailable } from '../transport/peer-status-error.ts'
import { randomEpoch } from '../wire/position.ts'
import type { Append } from '../wire/v2.ts'
import type { Replicator } from './replicator.ts'

/** Peers that cannot be reached are asked so often in all, with a pause between: a fleet may be starting. */
const ROUNDS = 3
const PAUSE_MS = 250
/** One silent peer must not use up the time in which another would answer. */
const PATIENCE_MS = 1_500

export interface HydrationOptions {
  targets: readonly Target[]
  log: Log
  replicator: Replicator
  clock: Clock
  errors: ErrorReporter
  client: PeerClient
  timeoutMs: number
  signal: AbortSignal
}

/**
 * Fetches the log from one ready peer, while other peers' appends may already arrive. Where no peer is ready, or
 * the time is up, the Pod begins with what it has: clients that need more are told of a gap.
 */
export async function hydrate(options: HydrationOptions): Promise<void> {
  const { clock, errors, signal, timeoutMs } = options
  const deadline = clock.now() + timeoutMs
  let targets = shuffle(options.targets, clock)
  for (let round = 0; round < ROUNDS && targets.length > 0; round += 1) {
    if (round > 0) await pause(clock, PAUSE_MS)
    const unreachable: Target[] = []
    for (const target of targets) {
      const leftMs = deadline - clock.now()
      if (leftMs <= 0 || signal.aborted) return
      try {
        if (await hydrateFrom(target, options, deadline)) return
      } catch (error) {
        // A Pod that is starting has no log to give, and one that is being deleted may be gone.
        const isExpected = isUnavailable(error) && (target.ready === false || target.terminating === true)
        if (!isExpected) errors.report(error, { stage: 'initial-sync', peer: target.host })
        unreachable.push(target)
      }
    }
    targets = unreachable
  }
}

/** Takes all that one peer has; false if it has nothing to give: not ready itself, a Go Pod, or this very Pod. */
async function hydrateFrom(target: Target, options: HydrationOptions, deadline: number): Promise<boolean> {
  const { client, clock, replicator, log, signal } = options
  for (;;) {
    const leftMs = deadline - clock.now()
    if (leftMs <= 0) throw new SserError('peer-failed', 'gives too much, or too slowly')
    const asked: Append = { ...replicator.handshake(clock.now()), hydrate: true }
    const timeoutMs = Math.min(leftMs, PATIENCE_MS)
    const answer = await client.append(target, asked, { signal, timeoutMs })
    if (answer === undefined || answer.epoch === log.epoch) return false
    // A namesake: nothing was numbered yet, so another name costs nothing.
    if (answer.position.has(log.epoch)) log.epoch = randomEpoch(clock.random)
    if (answer.ready !== true) return false
    const now = clock.now()
    const before = log.position(now)
    replicator.applyRuns(answer.runs, now)
    if (answer.v1Age !== undefined) log.lastV1At = Math.max(log.lastV1At, now - answer.v1Age)
    const after = log.position(now)
    if (!hasGrown(after, answer.position) || !hasGrown(before, after)) return true
  }
}

/** Whether `after` has anything that `before` lacks. */
function hasGrown(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): boolean {
  for (const [epoch, seq] of after) if (seq > (before.get(epoch) ?? 0)) return true
  return false
}

/** In random order: a fleet that restarts does not ask one Pod for everything. */
function shuffle(targets: readonly Target[], clock: Clock): Target[] {
  const keyed = targets.map((target) => ({ target, rank: clock.random() }))
  return keyed.sort((a, b) => a.rank - b.rank).map(({ target }) => target)
}
