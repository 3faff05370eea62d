import { describe } from '../errors.ts'
import type { ResolvedOptions } from '../options.ts'
import { countOf } from '../printable.ts'
import type { Mesh } from '../replication/mesh.ts'
import type { Logging } from '../telemetry/logging.ts'
import type { ServerStart } from './membership.ts'

/** Maximum number of peers that a line names. */
const MAX_NAMED = 3

/** Logs the start. */
export function logStart(
  logging: Logging,
  settings: ResolvedOptions,
  { internalPort, internalHostname }: ServerStart,
): void {
  const address = internalHostname === undefined ? '' : ` on ${internalHostname}`
  logging.info(
    `starts, with the internal port ${internalPort ?? settings.internalPort}${address}, and looks for its peers`,
  )
}

/** Warns of internal routes that any process can send to. `serve()` and `join()` have checked the port that they have bound. */
export function warnOpenRoutes(logging: Logging): void {
  logging.warn(
    'sser.internalRoutes is open: every process that reaches it can send to every client. Set peerSecret, or allowOpenInternalPort: true if only Pods reach it',
  )
}

/** Logs that this Pod is ready, and whether it has found other Pods. */
export function logReady(logging: Logging, settings: ResolvedOptions, mesh: Mesh): void {
  const { syncResult } = mesh
  if (syncResult === undefined) return
  const { source, hasAnswer, absent, isOnlySelf } = syncResult
  const listed = mesh.peers().length
  const message = `is ready; its list of peers has ${listed === 1 ? '1 entry' : `${listed} entries`}`
  const [first] = absent
  if (isOnlySelf) logging.alone(`is ready and runs alone, because ${aloneReason(settings, listed)}`)
  else if (source !== undefined) logging.info(`${message}, and ${source} sent its log`)
  else if (hasAnswer || first === undefined) logging.info(message)
  else {
    const [peer, error] = first
    const others = absent.size === 1 ? '' : `, and ${absent.size - 1} more`
    logging.alone(
      `${message}, but no peer runs yet (${peer}: ${describe(error)}${others}); events reach the clients of this Pod alone until a peer responds`,
    )
  }
}

function aloneReason({ peerFinder }: ResolvedOptions, listed: number): string {
  if (peerFinder === undefined) return 'no peerFinder was given: events reach the clients of this Pod only'
  const list = listed === 0 ? 'is empty' : 'has no Pod but this one'
  return `the first list of its peerFinder ${list}: events reach the clients of this Pod only until a peer responds`
}

/** How `serve()` or `join()` stops a Pod. */
export interface ServerStop {
  /** The signal that stops the Pod; undefined where the app stops it. */
  signal?: string | undefined
  /** How long requests in flight have. */
  requestDrainTimeoutMs?: number | undefined
}

/** Conditions that a stopping Pod waits for. */
interface StopWaits extends ServerStop {
  connections: number
  /** Number of peers that may lack events. */
  peers: number
  drainTimeoutMs: number
  flushTimeoutMs: number
}

/** The log line of a Pod that begins to stop. */
export function stopLine(waits: StopWaits): string {
  const { signal, connections, peers, drainTimeoutMs, requestDrainTimeoutMs, flushTimeoutMs } = waits
  const steps: string[] = []
  if (connections > 0)
    steps.push(`${countOf(connections, 'event stream')} ended within ${drainTimeoutMs} ms (drainTimeoutMs)`)
  if (requestDrainTimeoutMs !== undefined)
    steps.push(`requests in flight answered within ${requestDrainTimeoutMs} ms (requestDrainTimeoutMs)`)
  if (peers > 0)
    steps.push(
      `events that ${countOf(peers, 'peer')} may lack sent within ${flushTimeoutMs} ms (flushTimeoutMs)`,
    )
  const reason = signal === undefined ? 'stops' : `stops on ${signal}`
  const end = signal === undefined ? '' : '. A second signal ends the process at once'
  return `${reason}${steps.length === 0 ? '' : `, with ${steps.join(', then ')}`}${end}`
}

/** Names peers, up to {@link MAX_NAMED}. */
export function namePeers(peers: readonly string[]): string {
  const rest = peers.length - MAX_NAMED
  return `${peers.slice(0, MAX_NAMED).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
}
