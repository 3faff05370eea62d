import type { Hono } from 'hono'
import { BodyBudget, BodyReader } from './http/body-reader.ts'
import type { Membership } from './instance/membership.ts'
import type { Settings } from './internals.ts'
import { probeRoutes, type SserState } from './ops/probes.ts'
import { opsRoutes } from './ops/routes.ts'
import type { Stats, StatsOptions } from './ops/stats.ts'
import type { V1Connections } from './replication/legacy-v1/receiver.ts'
import { internalRoutes } from './replication/routes.ts'
import type { ExchangeCounts } from './telemetry/counters.ts'
import type { ErrorReporter, RecentErrors } from './telemetry/error-reporter.ts'
import type { Signatures } from './transport/signatures.ts'

export interface PrivateRoutesOptions {
  settings: Settings
  membership: Membership
  errors: ErrorReporter
  recentErrors: RecentErrors
  /** Undefined: this Pod has no `peerSecret`. */
  signatures: Signatures | undefined
  v1Connections: V1Connections
  exchangeCounts: ExchangeCounts
  state: () => SserState
  isStopping: () => boolean
  /** Called for each request on the internal routes. */
  onInternalRequest: () => void
  stats: (options: StatsOptions) => Stats
  /** The warning about the certificate of the internal port, if there is one. */
  certificateWarning: () => string | undefined
}

/** The routes of an instance that its clients must not reach. */
export interface PrivateRoutes {
  internalRoutes: Hono
  probeRoutes: Hono
  opsRoutes: Hono
}

/** Makes the routes for peers, probes and operators. */
export function privateRoutes(options: PrivateRoutesOptions): PrivateRoutes {
  const { settings, membership, state } = options
  const { clock, maxBufferedBodyBytes, internalBodyTimeoutMs, maxMessageBytes, allowedInternalHosts } =
    settings
  const hosts = { allowedInternalHosts, peerAddresses: () => membership.addresses }
  const budget = new BodyBudget(maxBufferedBodyBytes)
  const runsLeft = () => {
    const { runs, runMesh } = membership.incarnation
    return runs.running + runMesh.handover.left
  }
  const probes = probeRoutes(state, options.certificateWarning, runsLeft)
  return {
    internalRoutes: internalRoutes({
      ...settings,
      ...hosts,
      errors: options.errors,
      signatures: options.signatures,
      bodyReader: new BodyReader({ clock, budget, timeoutMs: internalBodyTimeoutMs }),
      v1MaxBytes: 6 * maxMessageBytes + 4_096,
      isStopped: () => state() === 'stopped',
      onRequest: options.onInternalRequest,
      isDraining: options.isStopping,
      v1Connections: options.v1Connections,
      isFor: (uid) => membership.isFor(uid),
      bodyBudget: budget,
      exchangeCounts: options.exchangeCounts,
      accept: (exchange) => membership.accept(exchange),
      receive: (message) => membership.current().mesh.receive(message),
      receiveRuns: (body) => membership.current().runMesh.answer(body),
      receiveV1: (event) => membership.current().receiveV1(event),
    }),
    probeRoutes: probes,
    opsRoutes: opsRoutes({
      ...hosts,
      probeRoutes: probes,
      stats: options.stats,
      recentErrors: () => options.recentErrors.list(),
    }),
  }
}
