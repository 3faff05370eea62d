import type { Hono } from 'hono'
import {
  type Endpoint,
  type EndpointOptions,
  EndpointParts,
  EventsEndpoint,
} from './admission/events-endpoint.ts'
import type { ResponseOptions } from './admission/refusals.ts'
import { RunResponses } from './admission/run-responses.ts'
import { SserError } from './errors.ts'
import { BodyBudget, BodyReader } from './http/body-reader.ts'
import { checkEndpointOptions } from './instance/call-arguments.ts'
import type { SserState } from './instance/lifecycle.ts'
import type { Membership } from './instance/membership.ts'
import type { Settings } from './internals.ts'
import { probeRoutes } from './ops/probes.ts'
import { opsRoutes } from './ops/routes.ts'
import type { Stats, StatsOptions } from './ops/stats.ts'
import { type PublishOptions, publishRoutes } from './publish/routes.ts'
import type { V1Connections } from './replication/legacy-v1/receiver.ts'
import { internalRoutes } from './replication/routes.ts'
import type { ExchangeCounts } from './telemetry/counters.ts'
import type { ErrorReporter, RecentErrors } from './telemetry/error-reporter.ts'
import type { Signatures } from './transport/signatures.ts'

export type PublicRoutesOptions = ResponseOptions & Pick<PublishOptions, 'send'>

/** The routes of an instance that its clients reach. */
export class PublicRoutes {
  /** The endpoint in the standard dialect. */
  readonly events: Endpoint
  readonly runs: RunResponses
  readonly #options: PublicRoutesOptions
  readonly #parts: EndpointParts
  #publish: Hono | undefined

  constructor(options: PublicRoutesOptions) {
    this.#options = options
    this.#parts = new EndpointParts(options)
    const events = new EventsEndpoint(options, this.#parts)
    this.events = events
    this.runs = new RunResponses(options, events)
  }

  /** A further endpoint. @throws SserError `invalid-argument` */
  endpoint(options: EndpointOptions): Endpoint {
    const fault = checkEndpointOptions(options)
    if (fault !== undefined) throw fault
    return new EventsEndpoint(this.#options, this.#parts, options.dialect)
  }

  /** The sub-app that publishes. @throws SserError `open-publish-routes` */
  get publish(): Hono {
    const { settings, clock, errors, send } = this.#options
    const { publishToken, maxMessageBytes, internalBodyTimeoutMs: bodyTimeoutMs } = settings
    if (publishToken === undefined)
      throw new SserError(
        'open-publish-routes',
        'sser.publishRoutes: expected the option publishToken: a token, or false where middleware of the app decides who publishes',
      )
    this.#publish ??= publishRoutes({ publishToken, maxMessageBytes, bodyTimeoutMs, clock, errors, send })
    return this.#publish
  }
}

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
