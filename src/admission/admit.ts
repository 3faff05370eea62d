import type { Requested } from '../authorize.ts'
import type { Clock } from '../clock.ts'
import type { Connection, Sink } from '../delivery/connection.ts'
import { EventStreamBody } from '../delivery/event-stream-body.ts'
import { Reader } from '../delivery/reader.ts'
import type { ConnectionGrant, Reservation } from '../delivery/reservations.ts'
import { StreamConnection } from '../delivery/stream-connection.ts'
import { addressOf } from '../http/address.ts'
import type { Incarnation } from '../instance/incarnation.ts'
import type { Membership } from '../instance/membership.ts'
import type { Settings } from '../internals.ts'
import {
  type Dialect,
  type FrameFormat,
  frameFormat,
  type GapReason,
  type Label,
  STANDARD,
  type StartPoint,
  validateLabel,
} from '../wire/sse-frame.ts'
import type { Arrivals } from './arrivals.ts'
import type { CheckedGrant } from './authorization.ts'

export interface AdmissionOptions {
  settings: Settings
  clock: Clock
  membership: Membership
  arrivals: Arrivals
  isReady(): boolean
}

/** One valid request for a connection. */
export interface ConnectionRequest {
  request: Request
  env: unknown
  lastEventId: string | undefined
  dialect: Dialect
}

/** One valid request for events. */
export interface StreamRequest extends ConnectionRequest {
  streams: readonly string[]
  /** Where the connection begins if there is no `lastEventId`. */
  from: 'oldest' | 'now'
  /** How the client learns the stream of an event. */
  label: Label | undefined
  /** Calls the option `authorize`, where there is one. */
  authorize: ((asked: Requested) => Promise<CheckedGrant>) | undefined
}

/** The response to a request that was admitted. */
export interface Admitted {
  body: EventStreamBody
  /** `gap` if the client gets a gap first; undefined where it asked for nothing of the log. */
  resume: 'complete' | 'gap' | undefined
}

/**
 * Admits a request: reserves capacity for a connection, calls `authorize` once, and reads `Last-Event-ID` once. A refusal
 * releases the reservation here; afterwards {@link EventStreamBody} releases it when the response or its connection ends.
 * Returns undefined where this Pod is not ready, or drains.
 * @throws SserError where a limit is reached. Rejects with the error of `authorize`.
 */
export function admit(
  options: AdmissionOptions,
  asked: StreamRequest,
): Admitted | undefined | Promise<Admitted | undefined> {
  const { streams, lastEventId, from, authorize } = asked
  const captured = capture(options, asked, streams)
  const open = (granted: CheckedGrant): Admitted | undefined => {
    const invalid = validateLabel(asked.label, granted.streams)
    if (invalid === undefined && options.isReady())
      return openBody(options, asked, granted, captured, (incarnation, grant) => {
        const format = frameFormat(asked.dialect, asked.label)
        const terms = { lastEventId, from, format, grant }
        const { gap, connect } = prepareConnection(incarnation, granted.streams, terms)
        return {
          connect,
          format,
          asksLog: lastEventId !== undefined || from === 'oldest',
          isGap: gap !== undefined,
        }
      })
    captured.reservation.release()
    if (invalid !== undefined) throw invalid
    return undefined
  }
  if (authorize === undefined) return open({ streams, tags: [], maxAgeMs: undefined })
  return authorize({ streams }).then(open, (error: unknown) => {
    captured.reservation.release()
    throw error
  })
}

/** State that admission captures before it calls `authorize`. */
export interface Captured {
  incarnation: Incarnation
  reservation: Reservation
  /** The client's address, where connections are counted by address. */
  address: string | undefined
  mark: number
}

/**
 * Captures the state of this Pod, and reserves capacity for a connection on `streams`.
 * @throws SserError where a limit is reached
 */
export function capture(
  { settings, membership, arrivals }: AdmissionOptions,
  { request, env }: ConnectionRequest,
  streams: readonly string[],
): Captured {
  const incarnation = membership.current()
  const mark = arrivals.of(request, env)?.mark ?? membership.mark()
  const { maxConnectionsPerAddress, trustedProxyHops } = settings
  const address = maxConnectionsPerAddress === 0 ? undefined : addressOf(request, env, trustedProxyHops)
  return { incarnation, reservation: incarnation.hub.registry.reserve(streams, address), address, mark }
}

/** How the body of a response becomes a connection. */
interface Prepared {
  connect(sink: Sink): Connection
  format: FrameFormat
  /** True if the client asked for something of the past. */
  asksLog: boolean
  /** True if the client gets a gap. */
  isGap: boolean
}

/** Makes the body of a response in the current incarnation, by `prepare`. */
export function openBody(
  options: AdmissionOptions,
  { request, env }: ConnectionRequest,
  granted: CheckedGrant,
  captured: Captured,
  prepare: (incarnation: Incarnation, grant: ConnectionGrant | undefined) => Prepared,
): Admitted {
  const { membership, arrivals } = options
  const incarnation = membership.current()
  const { registry } = incarnation.hub
  let { reservation } = captured
  if (incarnation !== captured.incarnation) {
    // The process paused for so long while `authorize` was pending that a new incarnation began.
    reservation.release()
    reservation = registry.reserve(granted.streams, captured.address)
  }
  registry.grant(reservation, granted.streams)
  const grant = connectionGrant(options, granted, reservation)
  const { connect, format, asksLog, isGap } = prepare(incarnation, grant)
  const since = membership.since(captured.mark)
  const body = new EventStreamBody({ hub: incarnation.hub, connect, since, reservation, format })
  arrivals.opened(request, env, body)
  const resume = isGap ? 'gap' : 'complete'
  return { body, resume: asksLog ? resume : undefined }
}

/** Undefined where it would be empty: most connections need none. */
function connectionGrant(
  { settings, clock }: AdmissionOptions,
  { tags, maxAgeMs }: CheckedGrant,
  { address }: Reservation,
): ConnectionGrant | undefined {
  const { maxConnectionAgeMs } = settings
  const isUnlimited = maxAgeMs === undefined && maxConnectionAgeMs === 0
  if (isUnlimited && tags.length === 0 && address === undefined) return undefined
  // Connections that opened together, after a rollout for example, must not end together.
  const ageMs = maxConnectionAgeMs === 0 ? undefined : maxConnectionAgeMs * (0.75 + clock.random() / 4)
  const endReason =
    ageMs !== undefined && ageMs < (maxAgeMs ?? Number.POSITIVE_INFINITY) ? 'max-age' : 'expired'
  const ms = endReason === 'max-age' ? ageMs : maxAgeMs
  return { tags, endsAt: ms === undefined ? undefined : clock.now() + ms, endReason, address }
}

/** A connection that opens once it has a sink. */
export interface PreparedConnection {
  /** Why the client may have missed events. */
  gap: GapReason | undefined
  connect(sink: Sink): Connection
}

/** Beginning and grant of a connection. */
export interface ConnectionTerms {
  lastEventId?: string | undefined
  /** Where the connection begins if there is no `lastEventId`. */
  from?: 'oldest' | 'now'
  format?: FrameFormat
  grant?: ConnectionGrant | undefined
}

/** Reads `lastEventId` and fixes where the connection begins: at this moment, even where its body is read later. */
export function prepareConnection(
  incarnation: Incarnation,
  streams: readonly string[],
  { lastEventId, from = 'now', format = STANDARD, grant }: ConnectionTerms = {},
): PreparedConnection {
  const { context, hub, settings } = incarnation
  const reader = new Reader(context.log, streams)
  const start: StartPoint = lastEventId === undefined ? from : 'id'
  let gap: GapReason | undefined
  // With `resume: false` the gap clears the client's id, because no later event would update it.
  if (lastEventId !== undefined && !settings.resume) gap = 'invalid-id'
  else if (lastEventId !== undefined)
    gap = reader.resume(lastEventId, settings.maxLastEventIdBytes, context.now())
  else if (start === 'oldest') gap = reader.beginAtOldest(context.now())
  const connect = (sink: Sink) => {
    const audience = hub.registry.audience(streams, format)
    return new StreamConnection({ reader, gap, start, audience, sink, context, grant })
  }
  return { gap, connect }
}
