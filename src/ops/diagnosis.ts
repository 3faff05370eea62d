import type { PeerStatus } from '../replication/peer-status.ts'
import type { RecentError } from '../telemetry/error-reporter.ts'
import type { Stats } from './stats.ts'
import { formatBytes, formatCount, formatDuration, plural } from './units.ts'

/** Content of the debug page: this Pod's view of itself and of the fleet. */
export interface DebugView extends Stats {
  version: string
  /** The latest first. */
  recentErrors: readonly RecentError[]
}

/** `good`: nothing to do. `passing`: it ends by itself. `bad`: an operator should look. */
export interface Diagnosis {
  level: 'good' | 'passing' | 'bad'
  message: string
  /** Name in a message: of a peer, or the text of an error. Untrusted. */
  detail?: string | undefined
  fix?: string | undefined
}

/** An error counts as current for this long, in milliseconds. */
const RECENT_MS = 300_000
/** A peer finder without a confirmation for this long is failing, in milliseconds. */
const STALE_LIST_MS = 60_000
const LONG_LAG_MS = 500
const CERTIFICATE_WARNING_MS = 7 * 86_400_000

const SECRET = /peerSecret/
const ROTATION = 'to replace it, roll out [old, new], then [new, old], then [new]'

/** The state of the Pod, or the most important fault, with its fix. */
export function diagnose(view: DebugView): Diagnosis {
  return (
    ofState(view) ??
    ofPeers(view) ??
    ofPeerFinder(view) ??
    ofCertificate(view) ??
    ofLog(view) ??
    ofEventLoop(view) ??
    ofErrors(view) ??
    healthy(view)
  )
}

function ofState(view: DebugView): Diagnosis | undefined {
  const { state, connections, peerFinder } = view
  if (state === 'idle')
    return {
      level: 'bad',
      message: 'This Pod was never started: no event leaves it, and none arrives.',
      fix: 'Await serve(), join() or sser.start() when the process starts.',
    }
  if (state === 'finding-peers')
    return {
      level: peerFinder?.lastError === undefined ? 'passing' : 'bad',
      message: 'The Pod is not ready, because the peer finder has no first list of peers yet.',
      detail: peerFinder?.lastError?.message,
      fix: peerFinder?.lastError && finderFix(peerFinder.lastError.message),
    }
  if (state === 'fetching-log')
    return { level: 'passing', message: 'The Pod is not ready yet: it fetches the log of a peer.' }
  if (state === 'draining')
    return {
      level: 'passing',
      message: `The Pod is stopping: ${plural(connections.open, 'connection')} left to close.`,
    }
  if (state === 'stopped')
    return {
      level: 'bad',
      message: 'The Pod has stopped.',
      fix: 'Restart the process: an instance cannot start again.',
    }
  return undefined
}

function ofPeers({ peers }: DebugView): Diagnosis | undefined {
  const others = peers.filter(({ state }) => state !== 'self')
  const failing = others.filter(({ state }) => state === 'failing')
  const [worst] = failing.toSorted((one, other) => other.lagMs - one.lagMs)
  if (worst === undefined) return undefined
  const refusing = failing.filter(({ lastError }) => SECRET.test(lastError ?? ''))
  if (refusing.length > 0)
    return {
      level: 'bad',
      message: `${plural(refusing.length, 'peer')} of ${formatCount(others.length)} and this Pod do not have the same peerSecret, so they reject each other's events.`,
      detail: `${refusing[0]?.peer}: ${refusing[0]?.lastError}`,
      fix: `Give all Pods the same peerSecret; ${ROTATION}.`,
    }
  const all = failing.length === others.length && others.length > 1
  const count = all ? `None of the ${formatCount(others.length)} peers is` : someOf(failing, others)
  return {
    level: 'bad',
    message: `${count} reachable; ${behind(worst)}.`,
    detail: `${worst.peer}: ${worst.lastError ?? 'no error'}`,
    fix: peerFix(worst.lastError ?? '', all),
  }
}

function someOf(failing: readonly PeerStatus[], others: readonly PeerStatus[]): string {
  if (others.length === 1) return 'The only peer is not'
  return `${plural(failing.length, 'peer')} of ${formatCount(others.length)} ${failing.length === 1 ? 'is' : 'are'} not`
}

function behind({ lag, lagMs }: PeerStatus): string {
  if (lag <= 0) return 'so far it lacks nothing of this Pod'
  return `${lag === 1 ? 'an entry' : `${formatCount(lag)} entries`} of this Pod did not reach it, the oldest ${formatDuration(lagMs)} ago`
}

function peerFix(error: string, all: boolean): string {
  if (/ECONNREFUSED/.test(error))
    return all
      ? 'Check that the internal port is the same on all Pods, and that it is bound to an address that peers reach.'
      : 'Check that the Pod runs, and that its internal port is bound to an address that peers reach.'
  if (/no answer within|timed? ?out|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH/i.test(error))
    return 'Check that a NetworkPolicy or security group admits the internal port between Pods, and that the process of the peer is not blocked.'
  if (/ENOTFOUND|EAI_AGAIN/.test(error)) return 'Check the name in the list of peers, and the DNS server.'
  if (/certificate|TLS|SSL|EPROTO/i.test(error))
    return 'Check that internalTls is set on all Pods, and that one CA signs all certificates.'
  return 'Read the log of that Pod at the time of the error.'
}

function ofPeerFinder({ peerFinder }: DebugView): Diagnosis | undefined {
  if (peerFinder === undefined) return undefined
  const { lastError, listsSelf, syncAgeMs } = peerFinder
  if (listsSelf === false)
    return {
      level: 'bad',
      message: 'The peer finder does not list this Pod, so other Pods do not send it their events.',
      fix: 'Make the selector of the peer finder match the labels of this Pod.',
    }
  if (lastError === undefined || lastError.ageMs > RECENT_MS) return undefined
  if (
    peerFinder.state === 'watching' ||
    (syncAgeMs ?? Number.POSITIVE_INFINITY) <= Math.min(lastError.ageMs, STALE_LIST_MS)
  )
    return undefined
  return {
    level: 'bad',
    message: `The list of peers was confirmed ${syncAgeMs === undefined ? 'never' : `${formatDuration(syncAgeMs)} ago`}, because the source of the peer finder fails. The last list stays in use; Pods that start now are unknown.`,
    detail: lastError.message,
    fix: finderFix(lastError.message),
  }
}

function finderFix(error: string): string {
  if (/\b403\b/.test(error)) return 'Apply the Role and RoleBinding of the Kubernetes manifests.'
  if (/\b401\b/.test(error)) return 'Check the ServiceAccount of the Pod, and that its token is mounted.'
  if (/ENOTFOUND|EAI_AGAIN|SERVFAIL|NXDOMAIN/i.test(error))
    return 'Check the name, and the DNS server of the Pod.'
  return 'Check that the API server or DNS server is up, and that the Pod reaches it.'
}

function ofCertificate({ certificateExpiresAt }: DebugView): Diagnosis | undefined {
  if (certificateExpiresAt === undefined) return undefined
  const leftMs = certificateExpiresAt - Date.now()
  if (leftMs > CERTIFICATE_WARNING_MS) return undefined
  return {
    level: 'bad',
    message: `The certificate of internalTls ${leftMs > 0 ? `expires in ${formatDuration(leftMs)}` : `expired ${formatDuration(-leftMs)} ago`}; afterwards peers refuse this Pod.`,
    fix: 'Renew the files or the function that internalTls reads.',
  }
}

function ofLog({ log }: DebugView): Diagnosis | undefined {
  if (log.bytes < 0.9 * log.maxBytes || log.completeMs > 0.5 * log.maxAgeMs) return undefined
  return {
    level: 'bad',
    message: `The log is full (${formatBytes(log.bytes)} of ${formatBytes(log.maxBytes)}): clients of its largest streams that were away for more than ${formatDuration(log.completeMs)} receive a gap, instead of ${formatDuration(log.maxAgeMs)}.`,
    fix: 'Raise logMaxBytes and the memory limit of the Pod, lower logMaxAgeMs on all Pods, or send less.',
  }
}

function ofEventLoop({ eventLoopLagMs }: DebugView): Diagnosis | undefined {
  if (eventLoopLagMs < LONG_LAG_MS) return undefined
  return {
    level: 'bad',
    message: `The event loop of this process was blocked for ${formatDuration(eventLoopLagMs)}, which delays every event and every request.`,
    fix: 'Find the synchronous work with a CPU profile, and check the CPU limit of the Pod.',
  }
}

function ofErrors({ recentErrors }: DebugView): Diagnosis | undefined {
  const [last] = recentErrors
  if (
    last === undefined ||
    last.ageMs > RECENT_MS ||
    last.stage === 'append' ||
    last.stage === 'initial-sync'
  )
    return undefined
  // The state of the peer finder is judged by its status; of a finder without one, the error is all there is.
  const peer = last.peer === undefined ? '' : `${last.peer}: `
  return {
    level: 'bad',
    message: `The last error is ${formatDuration(last.ageMs)} old, in the stage "${last.stage}".`,
    detail: `${peer}${last.message}`,
    fix: STAGE_FIXES[last.stage],
  }
}

const STAGE_FIXES: Partial<Record<string, string>> = {
  authorize: 'Check what the authorize function calls: its clients retry until it decides.',
  receive:
    'Check which process sends to the internal port: a peer with another peerSecret or version, or no peer.',
}

function healthy({ peers, connections, streams, peerFinder }: DebugView): Diagnosis {
  const others = peers.filter(({ state }) => state !== 'self')
  const clients = `${plural(connections.open, 'connection')} on ${plural(streams.active, 'stream')}`
  const connecting = others.filter(({ state }) => state === 'connecting').length
  if (connecting > 0)
    return {
      level: 'passing',
      message: `Ready with ${clients}; ${plural(connecting, 'peer')} of ${formatCount(others.length)} not heard of yet.`,
    }
  if (others.length > 0)
    return {
      level: 'good',
      message: `Ready, connected to ${others.length === 1 ? 'the one peer' : `all ${formatCount(others.length)} peers`}, with ${clients}.`,
    }
  return {
    level: 'good',
    message: `Ready, with ${clients}. This Pod has no peers, so events reach its own clients alone.`,
    fix: peerFinder === undefined ? 'If there are other Pods, set the option peerFinder.' : undefined,
  }
}
