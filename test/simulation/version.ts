import { Sser, StaticPeerFinder } from '../../src/index.ts'
import type { Internals } from '../../src/internals.ts'
import { serverSideOf } from '../../src/sser.ts'
import type { Exchange, ExchangeHandler } from '../../src/transport/peer-transport.ts'
import * as beforeRuns from '../released/60efd75.js'
import * as released from '../released/db8a1ce.js'
import { newSser } from '../support/settings.ts'
import type { RunsPlan } from './run-plan.ts'

/** The code that a Pod runs: that of this repository, or a recorded build of an earlier one: before exchanges, before runs. */
export const VERSIONS = ['db8a1ce', '60efd75', 'current'] as const
export type Version = (typeof VERSIONS)[number]

/** Invariants of connections that were added after the first release. */
export interface Promises {
  /** A new client gets every event that comes after its response, also before its body is read. */
  eventsAfterResponse: boolean
  /** A connection that a disconnect ends gets every event before it. */
  eventsBeforeDisconnect: boolean
}

const PROMISES: Record<Version, Promises> = {
  current: { eventsAfterResponse: true, eventsBeforeDisconnect: true },
  '60efd75': { eventsAfterResponse: true, eventsBeforeDisconnect: true },
  db8a1ce: { eventsAfterResponse: false, eventsBeforeDisconnect: false },
}

export function promisesOf(version: Version): Promises {
  return PROMISES[version]
}

/** The settings of a simulated Pod that both versions have. */
interface Settings
  extends Pick<Internals, 'clock' | 'requestTimeoutMs' | 'initialSyncTimeoutMs' | 'openExchange'> {
  addresses: readonly string[]
  peerFetch: (url: string, init: RequestInit) => Promise<Response>
  logMaxAgeMs: number
  logMaxBytes: number
  heartbeatMs: number
  drainTimeoutMs: number
  flushTimeoutMs: number
  onError: (error: unknown, context: { stage: string }) => void
  /** Undefined where the simulation has no runs. */
  runs: RunsPlan['limits'] | undefined
}

/** The part of an instance that the simulation drives. */
export interface SimulatedSser {
  readonly routes: { fetch(request: Request): Response | Promise<Response> }
  readonly internalRoutes: { fetch(request: Request): Response | Promise<Response> }
  /** Undefined before the Pod has one. */
  readonly position: string | undefined
  readonly state: string
  readonly isReady: boolean
  readonly connections: number
  start(): Promise<void>
  stop(): Promise<void>
  send(stream: string, msg: string, options: { idempotencyKey: string | undefined }): Promise<unknown>
  disconnect(selection: { stream: string }): Promise<unknown>
}

/** Makes an instance of a version. */
export function createSser(version: Version, settings: Settings): SimulatedSser {
  if (version === 'current') return createCurrent(settings)
  return version === '60efd75' ? createBeforeRuns(settings) : createReleased(settings)
}

function createCurrent({ addresses, runs, ...settings }: Settings): SimulatedSser {
  const peerFinder = new StaticPeerFinder(addresses)
  return newSser({ logger: false, peerFinder, ...settings, ...(runs !== undefined && { runs }) })
}

function createBeforeRuns({ addresses, runs: _, ...settings }: Settings): SimulatedSser {
  const { logMaxAgeMs, logMaxBytes, heartbeatMs, drainTimeoutMs, flushTimeoutMs, onError, ...internals } =
    settings
  return new beforeRuns.Sser(
    {
      logger: false,
      peerFinder: new beforeRuns.StaticPeerFinder(addresses),
      logMaxAgeMs,
      logMaxBytes,
      heartbeatMs,
      drainTimeoutMs,
      flushTimeoutMs,
      onError,
    },
    internals,
  )
}

function createReleased({
  addresses,
  peerFetch,
  initialSyncTimeoutMs,
  drainTimeoutMs,
  openExchange: _,
  runs: _runs,
  ...settings
}: Settings): SimulatedSser {
  const sser = new released.Sser({
    logger: false,
    peerFinder: new released.StaticPeerFinder(addresses),
    ...settings,
    fetch: peerFetch,
    hydrateTimeoutMs: initialSyncTimeoutMs,
    drainMs: drainTimeoutMs,
  })
  const { send } = sser
  return Object.assign(sser, {
    send: (stream: string, msg: string, { idempotencyKey }: { idempotencyKey: string | undefined }) =>
      send.call(sser, stream, msg, { key: idempotencyKey }),
  })
}

/** Hands an exchange of a peer to an instance; undefined where its version has none. */
export function acceptExchange(sser: SimulatedSser, exchange: Exchange): ExchangeHandler | undefined {
  if (sser instanceof beforeRuns.Sser) return beforeRuns.serverSideOf(sser)?.accept(exchange)
  return sser instanceof Sser ? serverSideOf(sser)?.accept(exchange) : undefined
}
