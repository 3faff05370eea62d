import * as v from 'valibot'
import type { Authorize } from './authorize.ts'
import { type Clock, MAX_TIMER_MS } from './clock.ts'
import type { PeerFinder } from './discovery/peer-finder.ts'
import type { OnError } from './telemetry/error-reporter.ts'
import type { SserLogger } from './telemetry/logging.ts'
import type { Tracing } from './telemetry/tracing.ts'
import { checkOptions, hasMethods, withDefault } from './validation.ts'
import { MAX_POSITION_BYTES } from './wire/position.ts'
import { APPEND_MAX_BYTES } from './wire/v2.ts'

/** Options of {@link Sser}. A time is at most 2,147,483,647 ms, which is 24.8 days. */
export interface SserOptions {
  /**
   * Finds the other Pods: `LocalhostPeerFinder`, `StaticPeerFinder` or `WorkerPeerFinder` of `sser`, `DnsPeerFinder` of
   * `sser/dns`, `KubernetesPeerFinder` of `sser/kubernetes`, or one of your own.
   * @default none: the Pod has no peers, and its events reach its own clients alone
   */
  peerFinder?: PeerFinder | undefined
  /** The port on which Pods talk to each other, and a peer's port where its finder gives none. Default: 7000. */
  internalPort?: number | undefined
  /** How long a client waits before it reconnects, in milliseconds. Default: 2,000. Minimum: 0. */
  retryMs?: number | undefined
  /**
   * A connection gets a heartbeat this often, in milliseconds; keep it below every proxy's idle limit.
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
  resume?: boolean | undefined
  /**
   * The longest id that is printed, and the longest `Last-Event-ID` that is read, in bytes; a longer one is a gap. Where
   * more Pods were replaced within 2.5 times `logMaxAgeMs` than it has room for, some 300, the ids leave out those that
   * have been silent for longest, and clients that come back are told a gap. Default: 7,168. Minimum: 64.
   */
  maxLastEventIdBytes?: number | undefined
  /** How long a new Pod may take to fetch the log from a peer, in milliseconds. Default: 5,000. Minimum: 0. */
  initialSyncTimeoutMs?: number | undefined
  /**
   * Over how long a Pod that stops spreads the ends of its connections, in milliseconds; their clients come back to
   * other Pods. It takes less where there are few. Default: 10,000. Minimum: 0.
   */
  drainTimeoutMs?: number | undefined
  /** How long it may then take to hand over what its peers lack, in milliseconds. Default: 10,000. Minimum: 0. */
  flushTimeoutMs?: number | undefined
  /**
   * The longest message, in bytes of UTF-8, a line break counted as 7. With the default, a whole block with the longest
   * event type and an id of 4,700 bytes, as after 210 replaced Pods, fits into the 65,536 bytes that Go's `bufio.Scanner`
   * reads at once.
   * Default: 60,000. Minimum: 1. Maximum: 1,048,576.
   */
  maxMessageBytes?: number | undefined
  /**
   * The streams that one connection may listen on. Their names take at most 6,000 bytes in the URL, percent-encoded,
   * so that they fit into what servers and proxies read as headers. Default: 32. Minimum: 1.
   */
  maxStreamsPerConnection?: number | undefined
  /**
   * Decides who may listen, on which streams, for how long, and by which tags `disconnect()` finds them. Default:
   * everybody may; what stands in front of the routes decides before. It is asked about as many at once as
   * `maxConnections` has room for.
   */
  authorize?: Authorize | undefined
  /** How long `authorize` may take, in milliseconds. Default: 5,000. Minimum: 10. */
  authorizeTimeoutMs?: number | undefined
  /**
   * The connections that one Pod takes; the next are told 429. Behind a proxy that reports clients that left only with
   * the next heartbeats (HAProxy by default, Varnish, lighttpd, Apache), those count for up to two heartbeats more.
   * Default: 20,000. Minimum: 1.
   */
  maxConnections?: number | undefined
  /**
   * The connections that one Pod takes from one client address, an IPv6 network of 64 bits counted as one; the next
   * are told 429. Behind an ingress see `trustedProxyHops`; an app that is not handed the `env` of its runtime knows no
   * addresses, and counts nobody. Default: 0, no limit.
   */
  maxConnectionsPerAddress?: number | undefined
  /**
   * How many proxies in front of the Pod write the address of who calls them into `X-Forwarded-For`: so many from its
   * end is the client's. Default: 0, the client is who holds the socket. Maximum: 100.
   */
  trustedProxyHops?: number | undefined
  /** The streams that somebody listens on at one Pod; who asks for more is told 429. Default: 100,000. Minimum: 1. */
  maxStreams?: number | undefined
  /**
   * How long a client may take to read what was written to it before it is cut off, in milliseconds. It is looked at
   * with each heartbeat, and up to one heartbeat late. Default: 60,000. Minimum: 1,000.
   */
  slowClientTimeoutMs?: number | undefined
  /**
   * Maximum bytes that this Pod holds for clients which have not taken them yet. Beyond it, the connections that hold most
   * are cut until three quarters are left; their clients come back, and resume. Raise it together with the Pod's memory
   * limit, where many slow clients get large messages. Default: 32 MiB. Minimum: 1 MiB.
   */
  maxOutputBufferBytes?: number | undefined
  /**
   * After how long a connection ends, so that its client comes back, perhaps to another Pod, in milliseconds; each
   * after a random part of three quarters to all of it. Default: 0, never.
   */
  maxConnectionAgeMs?: number | undefined
  /** How long `send()` waits for the peers, in milliseconds. Default: 1,000. Minimum: 0. */
  ackTimeoutMs?: number | undefined
  /** How long a peer may take to answer one request, in milliseconds. Default: 5,000. Minimum: 10. */
  requestTimeoutMs?: number | undefined
  /**
   * What all Pods of a fleet know and nobody else does, 16 to 1,024 characters, up to 8 of them: each request between them, and each
   * answer, is then signed with it (HMAC-SHA-256), and nothing else is taken. Of several the first signs, and each is
   * taken: to change it without a loss, roll out [old, new], then [new, old], then [new]. Default: none; then whoever
   * reaches the internal port can send.
   */
  peerSecret?: string | readonly string[] | undefined
  /** With a `peerSecret`: whether v1, which Go Pods speak and nobody signs, is taken and posted. Default: false. */
  allowGoPeers?: boolean | undefined
  /** With a `peerSecret`: whether what is not signed is taken, too: for the rollout that brings it. Default: false. */
  allowUnsignedPeers?: boolean | undefined
  /**
   * Host names by which the internal port may be called, beside IP addresses, names of one label, names that end in
   * `.localhost`, `.local`, `.internal`, `.svc` or `.test`, and the names of the peers. A leading dot
   * stands for all names below. To be set where Prometheus, or an ingress in front of `/debug/sser`, uses another name.
   * Default: none.
   */
  allowedInternalHosts?: readonly string[] | undefined
  /** How long one body may take to come in on the internal port, in milliseconds. Default: 10,000. Minimum: 10. */
  internalBodyTimeoutMs?: number | undefined
  /**
   * How many bytes of bodies that are not all there may have come to the internal port; beyond it, the largest of the
   * address that sends most is given up, with 503. Default: 64 MiB. Minimum: 8 MiB, the longest body.
   */
  maxBufferedBodyBytes?: number | undefined
  /** Hears of errors in the background: unreachable peers, refused appends, a failing peer finder. */
  onError?: OnError | undefined
  /**
   * Hears what somebody ought to know, a line each: that it starts, with an open internal port perhaps, is ready, drains;
   * that a peer is lost, or back; and
   * errors in the background, each kind for each peer at most once a minute. `console` fits, and a `pino` logger;
   * `false` says nothing. Default: warnings on the console.
   */
  logger?: SserLogger | false | undefined
  /** Follows events through the fleet: `openTelemetryTracing()` from `sser/opentelemetry`. Default: nobody does. */
  tracing?: Tracing | undefined
  /**
   * How requests reach a peer; not together with `internalTls`. Default: Node's HTTP client, and elsewhere the
   * runtime's own `fetch`. Neither goes through a proxy of the environment.
   */
  fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined
  /** Time, timers and chance; for simulations. Default: the machine's own. */
  clock?: Clock | undefined
}

function isPeerSecret(value: unknown): boolean {
  if (value === undefined) return true
  const secrets: unknown[] = Array.isArray(value) ? value : [value]
  return secrets.length > 0 && secrets.length <= 8 && secrets.every(isSecret)
}

function isHostName(value: unknown): boolean {
  return typeof value === 'string' && /^\.?[^\s.:/][^\s:/]*$/.test(value)
}

function isSecret(value: unknown): boolean {
  return typeof value === 'string' && value.length >= 16 && value.length <= 1_024
}

const schema = v.strictObject({
  peerFinder: v.optional(
    v.custom<PeerFinder>(
      (value) => hasMethods(value, ['start']),
      'a PeerFinder, such as new LocalhostPeerFinder()',
    ),
  ),
  internalPort: withDefault(7_000, 0, 65_535),
  retryMs: withDefault(2_000, 0, MAX_TIMER_MS),
  heartbeatMs: withDefault(15_000, 1_000, MAX_TIMER_MS),
  logMaxAgeMs: withDefault(120_000, 1_000, MAX_TIMER_MS),
  logMaxBytes: withDefault(16_777_216, 1_024),
  resume: v.optional(v.boolean(), true),
  maxLastEventIdBytes: withDefault(MAX_POSITION_BYTES, 64),
  initialSyncTimeoutMs: withDefault(5_000, 0, MAX_TIMER_MS),
  drainTimeoutMs: withDefault(10_000, 0, MAX_TIMER_MS),
  flushTimeoutMs: withDefault(10_000, 0, MAX_TIMER_MS),
  maxMessageBytes: withDefault(60_000, 1, 1_048_576),
  maxStreamsPerConnection: withDefault(32, 1),
  authorize: v.optional(v.function() as v.GenericSchema<Authorize>),
  authorizeTimeoutMs: withDefault(5_000, 10, MAX_TIMER_MS),
  maxConnections: withDefault(20_000, 1),
  maxConnectionsPerAddress: withDefault(0, 0),
  trustedProxyHops: withDefault(0, 0, 100),
  maxStreams: withDefault(100_000, 1),
  slowClientTimeoutMs: withDefault(60_000, 1_000, MAX_TIMER_MS),
  maxOutputBufferBytes: withDefault(33_554_432, 1_048_576),
  maxConnectionAgeMs: withDefault(0, 0, MAX_TIMER_MS),
  ackTimeoutMs: withDefault(1_000, 0, MAX_TIMER_MS),
  requestTimeoutMs: withDefault(5_000, 10, MAX_TIMER_MS),
  peerSecret: v.pipe(
    v.optional(v.unknown()),
    v.check(isPeerSecret, 'expected a string of 16 to 1,024 characters, or up to 8 of them'),
  ),
  allowGoPeers: v.optional(v.boolean(), false),
  allowUnsignedPeers: v.optional(v.boolean(), false),
  allowedInternalHosts: v.optional(
    v.array(v.custom<string>(isHostName, 'a host name, without a scheme and a port')),
    () => [],
  ),
  internalBodyTimeoutMs: withDefault(10_000, 10, MAX_TIMER_MS),
  maxBufferedBodyBytes: withDefault(67_108_864, APPEND_MAX_BYTES),
  onError: v.optional(v.function() as v.GenericSchema<OnError>),
  logger: v.optional(
    v.custom<SserLogger | false>(
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
  fetch: v.optional(v.function() as v.GenericSchema<NonNullable<SserOptions['fetch']>>),
  clock: v.optional(v.custom<Clock>((value) => typeof value === 'object' && value !== null, 'a Clock')),
})

type Optional =
  | 'peerFinder'
  | 'authorize'
  | 'peerSecret'
  | 'onError'
  | 'logger'
  | 'tracing'
  | 'fetch'
  | 'clock'

/** {@link SserOptions} with their defaults. */
export type ResolvedOptions = {
  [K in keyof SserOptions]-?: K extends Optional ? SserOptions[K] : NonNullable<SserOptions[K]>
}

/** Checks options and fills in the defaults; throws `invalid-options`, naming the option and what it wants. */
export function resolveOptions(options: SserOptions): ResolvedOptions {
  return checkOptions(schema, options) as ResolvedOptions
}
