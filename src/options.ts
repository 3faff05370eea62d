import * as v from 'valibot'
import { type Clock, MAX_TIMER_MS } from './clock.ts'
import { SserError } from './errors.ts'
import type { OnError } from './faults.ts'
import type { Logger } from './logging.ts'
import type { Tracing } from './tracing.ts'
import { MAX_POSITION_BYTES } from './wire/position.ts'

/** What an {@link Sser} can be told, apart from who its peers are. A time is at most 2,147,483,647 ms, 24.8 days. */
export interface Settings {
  /** The port on which Pods talk to each other, and a peer's port where its finder gives none. Default: 7000. */
  internalPort?: number | undefined
  /** How long a client waits before it reconnects, in milliseconds. Default: 2,000. Minimum: 0. */
  retryMs?: number | undefined
  /**
   * A connection gets a sign of life this often, in milliseconds; keep it below every proxy's idle limit.
   * Default: 15,000. Minimum: 1,000.
   */
  heartbeatMs?: number | undefined
  /**
   * How long events are remembered, in milliseconds. All Pods of a fleet want the same value.
   * Default: 120,000. Minimum: 1,000.
   */
  logMaxAgeMs?: number | undefined
  /** How much memory the remembered events may take, in bytes. Default: 16 MiB. Minimum: 1,024. */
  logMaxBytes?: number | undefined
  /**
   * Whether clients get ids and can resume. Without, a Pod serves like a Go Pod: for a fleet that still has some,
   * whose clients must not carry ids that a Go Pod refuses. Default: true.
   */
  history?: boolean | undefined
  /** The longest `Last-Event-ID` that is read, in bytes; a longer one is a gap. Default: 4,096. Minimum: 64. */
  maxPositionBytes?: number | undefined
  /** How long a new Pod may take to fetch the log from a peer, in milliseconds. Default: 5,000. Minimum: 0. */
  hydrateTimeoutMs?: number | undefined
  /**
   * Over how long a Pod that stops spreads the ends of its connections, in milliseconds; their clients come back to
   * other Pods. It takes less where there are few. Default: 10,000. Minimum: 0.
   */
  drainMs?: number | undefined
  /** How long it may then take to hand over what its peers lack, in milliseconds. Default: 10,000. Minimum: 0. */
  flushTimeoutMs?: number | undefined
  /** The longest message, in bytes of UTF-8. Default: 65,536. Minimum: 1. Maximum: 1,048,576. */
  maxMessageBytes?: number | undefined
  /** The streams that one connection may listen on. Default: 32. Minimum: 1. */
  maxStreamsPerConnection?: number | undefined
  /** How long `send()` waits for the peers, in milliseconds. Default: 1,000. Minimum: 0. */
  ackTimeoutMs?: number | undefined
  /** How long a peer may take to answer one request, in milliseconds. Default: 5,000. Minimum: 10. */
  requestTimeoutMs?: number | undefined
  /** Hears of faults in the background: unreachable peers, refused appends, a failing peer finder. */
  onError?: OnError | undefined
  /**
   * Hears what somebody ought to know, a line each: that it starts, is ready, drains; that a peer is lost, or back; and
   * faults in the background, each kind for each peer at most once a minute. `console` fits, and a `pino` logger;
   * `false` says nothing. Default: warnings on the console.
   */
  logger?: Logger | false | undefined
  /** Follows events through the fleet: `openTelemetryTracing()` from `sser/opentelemetry`. Default: nobody does. */
  tracing?: Tracing | undefined
  /** How requests reach a peer. Default: the runtime's own `fetch`. */
  fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined
  /** Time, timers and chance; for simulations. Default: the machine's own. */
  clock?: Clock | undefined
}

const whole = (minimum: number, maximum = Number.MAX_SAFE_INTEGER) =>
  v.pipe(v.number(), v.integer(), v.minValue(minimum), v.maxValue(maximum))
const withDefault = (fallback: number, minimum: number, maximum?: number) =>
  v.optional(whole(minimum, maximum), fallback)

const schema = v.strictObject({
  internalPort: withDefault(7_000, 0, 65_535),
  retryMs: withDefault(2_000, 0, MAX_TIMER_MS),
  heartbeatMs: withDefault(15_000, 1_000, MAX_TIMER_MS),
  logMaxAgeMs: withDefault(120_000, 1_000, MAX_TIMER_MS),
  logMaxBytes: withDefault(16_777_216, 1_024),
  history: v.optional(v.boolean(), true),
  maxPositionBytes: withDefault(MAX_POSITION_BYTES, 64),
  hydrateTimeoutMs: withDefault(5_000, 0, MAX_TIMER_MS),
  drainMs: withDefault(10_000, 0, MAX_TIMER_MS),
  flushTimeoutMs: withDefault(10_000, 0, MAX_TIMER_MS),
  maxMessageBytes: withDefault(65_536, 1, 1_048_576),
  maxStreamsPerConnection: withDefault(32, 1),
  ackTimeoutMs: withDefault(1_000, 0, MAX_TIMER_MS),
  requestTimeoutMs: withDefault(5_000, 10, MAX_TIMER_MS),
  onError: v.optional(v.function() as v.GenericSchema<OnError>),
  logger: v.optional(
    v.custom<Logger | false>(
      (value) => value === false || hasMethods(value, ['info', 'warn']),
      'false, console, or another logger with the methods info and warn',
    ),
  ),
  tracing: v.optional(
    v.custom<Tracing>(
      (value) => hasMethods(value, ['send', 'append', 'deliver']),
      'openTelemetryTracing() from sser/opentelemetry, or other methods send, append and deliver',
    ),
  ),
  fetch: v.optional(v.function() as v.GenericSchema<NonNullable<Settings['fetch']>>),
  clock: v.optional(v.custom<Clock>((value) => typeof value === 'object' && value !== null, 'a Clock')),
})

function hasMethods(value: unknown, names: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return false
  return names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function')
}

type Optional = 'onError' | 'logger' | 'tracing' | 'fetch' | 'clock'

/** {@link Settings} with their defaults. */
export type ResolvedSettings = {
  [K in keyof Settings]-?: K extends Optional ? Settings[K] : NonNullable<Settings[K]>
}

/** Checks settings and fills in the defaults; throws `invalid-options`, naming the option and what it wants. */
export function resolveSettings(settings: Settings): ResolvedSettings {
  return checkOptions(schema, settings) as ResolvedSettings
}

/** Checks options against a strict schema; throws `invalid-options`, naming the option and what it wants. */
export function checkOptions<T extends v.StrictObjectSchema<v.ObjectEntries, undefined>>(
  schema: T,
  options: unknown,
): v.InferOutput<T> {
  const parsed = v.safeParse(schema, options)
  if (parsed.success) return parsed.output
  const [issue] = parsed.issues
  const name = v.getDotPath(issue) ?? 'options'
  // An option that the schema does not have is one that nothing may be given for.
  const fault =
    issue.expected === 'never'
      ? `there is no such option; there are ${Object.keys(schema.entries).join(', ')}`
      : `expected ${issue.type === 'custom' ? issue.message : issue.expected}, got ${issue.received}`
  throw new SserError('invalid-options', `Option "${name}": ${fault}`)
}
