import * as v from 'valibot'
import type { Authorize } from './authorize.ts'
import { MAX_TIMER_MS } from './clock.ts'
import type { PeerFinder } from './discovery/peer-finder.ts'
import { describeSecret } from './errors.ts'
import type { OnError } from './telemetry/error-reporter.ts'
import type { SserLogger } from './telemetry/logging.ts'
import type { Tracing } from './telemetry/tracing.ts'
import { checkOptions, hasMethods, type OtherOptions, whole, withDefault } from './validation.ts'
import { DEFAULT_HEARTBEAT_MS } from './wire/sse-frame.ts'

/** Options of {@link Sser}. A time is at most 2,147,483,647 ms, which is 24.8 days. */
export interface SserOptions {
  /**
   * Finds the other Pods: `LocalhostPeerFinder`, `StaticPeerFinder` or `WorkerPeerFinder` of `sser`, `DnsPeerFinder` of
   * `sser/dns`, `KubernetesPeerFinder` of `sser/kubernetes`, or one of your own.
   * @default none: the Pod has no peers, and its events reach its own clients alone
   */
  peerFinder?: PeerFinder | undefined
  /**
   * Port on which Pods send events to each other: `serve()` and `join()` bind it, and a peer has the same one unless the
   * finder gives another. 0 binds a free port. Change it if another program uses the port.
   * @default 7000
   */
  internalPort?: number | undefined
  /**
   * Time after which a client reconnects, in milliseconds. Raise it if reconnects of many clients at once are too
   * much load. Minimum: 0.
   * @default 2_000
   */
  retryMs?: number | undefined
  /**
   * Interval of heartbeats on a connection, in milliseconds. Keep it below the idle timeout of every proxy on the
   * way. Minimum: 1,000.
   * @default 15_000
   */
  heartbeatMs?: number | undefined
  /**
   * Maximum age of the events in the log, in milliseconds: how long a client can be away and still resume. Raise
   * it if clients are away for longer, and use the same value on all Pods. Minimum: 1,000.
   * @default 120_000
   */
  logMaxAgeMs?: number | undefined
  /**
   * Maximum memory of the log, in bytes. Raise it if the alert `SserLogTooSmall` fires. Minimum: 1,024.
   * @default 16_777_216 (16 MiB)
   */
  logMaxBytes?: number | undefined
  /**
   * Sends clients event ids, with which they can resume. Set it to false while a fleet has Go Pods, because a Go Pod
   * refuses the ids.
   * @default true
   */
  resume?: boolean | undefined
  /**
   * Time over which a stopping Pod closes its connections one after another, in milliseconds, so that clients do not
   * reconnect all at once. Few connections take less. Raise it if a Pod's clients are too much load for the others. Count
   * it into `terminationGracePeriodSeconds`. Minimum: 0.
   * @default 10_000
   */
  drainTimeoutMs?: number | undefined
  /**
   * Time in which a stopping Pod hands over the events that its peers lack, in milliseconds. Lower it, and
   * `terminationGracePeriodSeconds` with it, if Pods must stop sooner. Minimum: 0.
   * @default 10_000
   */
  flushTimeoutMs?: number | undefined
  /**
   * Maximum length of a message, in bytes of UTF-8; a line break counts as 7. With the default, a block with the
   * longest event type and an id of 4,700 bytes fits into the 65,536 bytes that Go's `bufio.Scanner` reads at once. Raise
   * it for larger messages. Minimum: 1. Maximum: 1,048,576.
   * @default 60_000
   */
  maxMessageBytes?: number | undefined
  /**
   * Maximum number of streams of one connection, or of one `subscribe()`. The names of a connection's streams take at most
   * 6,000 bytes in the URL, percent-encoded, because servers and proxies limit the size of headers. Raise it if a page needs
   * more. Minimum: 1.
   * @default 32
   */
  maxStreamsPerConnection?: number | undefined
  /**
   * Authorizes each request for events: which streams, for how long, and with which tags for `disconnect()`. At most
   * `maxConnections` calls are pending at once.
   * @default every request is allowed
   */
  authorize?: Authorize | undefined
  /**
   * Time after which a pending `authorize` fails, in milliseconds; the client retries. Raise it if your session store
   * needs longer. Minimum: 10.
   * @default 5_000
   */
  authorizeTimeoutMs?: number | undefined
  /**
   * Maximum number of connections to this Pod; further requests get 429, or a `retry:` if they accept only event
   * streams. Set it to the number that the memory of the Pod allows. Behind a proxy that reports a closed client only with
   * the next heartbeats (HAProxy by default, Varnish, lighttpd, Apache), closed clients count for up to two more
   * heartbeats. Minimum: 1.
   * @default 20_000
   */
  maxConnections?: number | undefined
  /**
   * Maximum number of connections from one client address to this Pod; further requests get 429, or a `retry:` if they
   * accept only event streams. Set it if clients are not trusted. An IPv6 network of 64 bits counts as one address. Behind
   * an ingress set `trustedProxyHops`; an app that does not pass on the `env` of its runtime has no addresses, so nothing
   * is counted.
   * @default 0 (no limit)
   */
  maxConnectionsPerAddress?: number | undefined
  /**
   * Number of trusted proxies that append to `X-Forwarded-For`; the client is the Nth address from the right.
   * Maximum: 100.
   * @default 0 (the address of the socket)
   */
  trustedProxyHops?: number | undefined
  /**
   * Maximum number of different streams of the connections to this Pod; requests for more get 429, or a `retry:` if they
   * accept only event streams. Raise it if the clients of one Pod have more streams. Minimum: 1.
   * @default 100_000
   */
  maxStreams?: number | undefined
  /**
   * Maximum number of subscriptions by `subscribe()` on this Pod; a further call throws. Raise it if each of many clients has
   * one, as with an RPC layer. Minimum: 1.
   * @default 20_000
   */
  maxSubscriptions?: number | undefined
  /**
   * Limits of runs, an object with the members below: memory, time, copies, number and drain.
   * @default the defaults of its members
   */
  runs?: RunsOptions | undefined
  /**
   * Time after which a client that does not read is disconnected, in milliseconds. It is checked with each heartbeat,
   * so up to one heartbeat late. Lower it if slow clients take too much memory. Minimum: 1,000.
   * @default 60_000
   */
  slowClientTimeoutMs?: number | undefined
  /**
   * Maximum bytes that this Pod buffers for clients that have not read them yet. Beyond it the connections with the
   * largest buffers are closed until three quarters are left; their clients resume. Raise it together with the memory
   * limit of the Pod, if many slow clients get large messages. Minimum: 1,048,576.
   * @default 33_554_432 (32 MiB)
   */
  maxOutputBufferBytes?: number | undefined
  /**
   * Age at which a connection is closed, in milliseconds, so that its client reconnects, perhaps to another Pod. Each
   * connection gets a random part of three quarters to all of it. Set it to spread clients over Pods that were added.
   * @default 0 (never)
   */
  maxConnectionAgeMs?: number | undefined
  /**
   * Time for which `send()` waits for the peers, in milliseconds; afterwards the receipt reports `pending`. Lower it
   * if callers of `send()` must not wait; 0 waits for no peer. Minimum: 0.
   * @default 1_000
   */
  ackTimeoutMs?: number | undefined
  /**
   * Secret of the fleet, 16 to 1,024 characters, or up to 8 of them. Pods sign each request and response between them
   * (HMAC-SHA-256), and accept nothing unsigned. The first secret signs, and each one is accepted: to replace it
   * without loss, roll out [old, new], then [new, old], then [new].
   * @default none: every process that reaches the internal port can send, so `serve()` and `join()` bind it to loopback alone
   */
  peerSecret?: string | readonly string[] | undefined
  /**
   * Token of the requests to `sser.publishRoutes`, 16 to 1,024 visible ASCII characters, or up to 8 of them to replace one.
   * `false`: middleware of the app decides who publishes.
   * @default none: reading `sser.publishRoutes` throws, so that no mount is open by accident
   */
  publishToken?: string | readonly string[] | false | undefined
  /**
   * With a `peerSecret`: accepts and sends v1, the unsigned protocol of Go Pods.
   * @default false
   */
  allowGoPeers?: boolean | undefined
  /**
   * With a `peerSecret`: accepts unsigned messages as well, during the rollout that introduces the secret.
   * @default false
   */
  allowUnsignedPeers?: boolean | undefined
  /**
   * Whether `serve()` and `join()` may bind the internal port beyond loopback with neither a `peerSecret` nor
   * `internalTls`. Set it if the network lets only Pods reach the port, for example in a fleet with Go Pods, which sign
   * nothing.
   * @default false
   */
  allowOpenInternalPort?: boolean | undefined
  /**
   * Further host names under which the internal port accepts requests, beside IP addresses, names of one label, names
   * that end in `.localhost`, `.local`, `.internal`, `.svc` or `.test`, and the names of the peers. A leading dot
   * stands for all names below. Set it if Prometheus, or an ingress in front of `/debug/sser`, uses another name.
   * @default none
   */
  allowedInternalHosts?: readonly string[] | undefined
  /**
   * Receives background errors: unreachable peers, rejected messages, a failing peer finder.
   * @default errors are counted and logged only
   */
  onError?: OnError | undefined
  /**
   * Receives one-line messages: startup, an open internal port, readiness, shutdown, lost and recovered peers, and
   * background errors (at most one per kind, peer and minute). `console` and `pino` fit; `false` disables it.
   * @default the console, with the warnings, the bound ports, a Pod that finds no peer, and the waits of a stop
   */
  logger?: SserLogger | false | undefined
  /**
   * Traces events through the fleet: `openTelemetryTracing()` of `sser/opentelemetry`.
   * @default no tracing
   */
  tracing?: Tracing | undefined
}

/** Limits of the runs of a Pod: the option `runs` of {@link SserOptions}. Use the same values on all Pods. */
export interface RunsOptions {
  /**
   * Maximum memory of the runs that a Pod holds, in bytes. Beyond it, copies that no client reads are evicted first, then runs
   * that have ended, the oldest first, and last the oldest chunks of the largest running run, whose readers get a gap. Raise it
   * if readers get gaps. Minimum: 1,048,576.
   * @default 67_108_864 (64 MiB)
   */
  maxBytes?: number | undefined
  /**
   * Time for which a run can be read after its end, in milliseconds. Raise it if clients come back later than that. Minimum: 0.
   * @default 300_000 (5 minutes)
   */
  retainMs?: number | undefined
  /**
   * Number of further Pods that keep a copy of each run, so that it can be read when its producer's Pod has gone. Raise it if
   * Pods often go two at a time; 0 keeps no copies but those of readers. Minimum: 0. Maximum: 16.
   * @default 2
   */
  holders?: number | undefined
  /**
   * Maximum number of running runs that a Pod has started; `startRun()` rejects further ones. Raise it if a Pod generates for
   * more clients at once. Minimum: 1.
   * @default 10_000
   */
  maxRuns?: number | undefined
  /**
   * Time for which a stopping Pod goes on with its running runs, in milliseconds; then they end as `failed`, with the reason
   * `draining`. Raise it, and `terminationGracePeriodSeconds` with it, if runs take longer than a drain. Minimum: 0.
   * @default `drainTimeoutMs`
   */
  drainTimeoutMs?: number | undefined
}

function isPeerSecret(value: unknown): boolean {
  if (value === undefined) return true
  const secrets: unknown[] = Array.isArray(value) ? value : [value]
  return secrets.length > 0 && secrets.length <= 8 && secrets.every(isSecret)
}

function isPublishToken(value: unknown): boolean {
  if (value === undefined || value === false) return true
  const tokens: unknown[] = Array.isArray(value) ? value : [value]
  const isToken = (token: unknown) => typeof token === 'string' && /^[!-~]{16,1024}$/.test(token)
  return tokens.length > 0 && tokens.length <= 8 && tokens.every(isToken)
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
      'a PeerFinder such as new StaticPeerFinder(addresses), or no peerFinder for a single Pod',
    ),
  ),
  internalPort: withDefault(7_000, 0, 65_535),
  retryMs: withDefault(2_000, 0, MAX_TIMER_MS),
  heartbeatMs: withDefault(DEFAULT_HEARTBEAT_MS, 1_000, MAX_TIMER_MS),
  logMaxAgeMs: withDefault(120_000, 1_000, MAX_TIMER_MS),
  logMaxBytes: withDefault(16_777_216, 1_024),
  resume: v.optional(v.boolean(), true),
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
  maxSubscriptions: withDefault(20_000, 1),
  runs: v.optional(
    v.strictObject({
      maxBytes: withDefault(67_108_864, 1_048_576),
      retainMs: withDefault(300_000, 0, MAX_TIMER_MS),
      holders: withDefault(2, 0, 16),
      maxRuns: withDefault(10_000, 1),
      drainTimeoutMs: v.optional(whole(0, MAX_TIMER_MS)),
    }),
    {},
  ),
  slowClientTimeoutMs: withDefault(60_000, 1_000, MAX_TIMER_MS),
  maxOutputBufferBytes: withDefault(33_554_432, 1_048_576),
  maxConnectionAgeMs: withDefault(0, 0, MAX_TIMER_MS),
  ackTimeoutMs: withDefault(1_000, 0, MAX_TIMER_MS),
  peerSecret: v.pipe(
    v.optional(v.unknown()),
    v.check(
      isPeerSecret,
      ({ input }) =>
        `expected a string of 16 to 1,024 characters, or up to 8 of them, got ${describeSecret(input)}`,
    ),
  ),
  publishToken: v.pipe(
    v.optional(v.unknown()),
    v.check(
      isPublishToken,
      ({ input }) =>
        `expected false, a string of 16 to 1,024 visible ASCII characters, or up to 8 of them, got ${describeSecret(input)}`,
    ),
  ),
  allowGoPeers: v.optional(v.boolean(), false),
  allowUnsignedPeers: v.optional(v.boolean(), false),
  allowOpenInternalPort: v.optional(v.boolean(), false),
  allowedInternalHosts: v.optional(
    v.array(v.custom<string>(isHostName, 'a host name, without a scheme and a port')),
    () => [],
  ),
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
})

type Optional = 'peerFinder' | 'authorize' | 'peerSecret' | 'publishToken' | 'onError' | 'logger' | 'tracing'

/** {@link RunsOptions} with their defaults. */
type ResolvedRunsOptions = {
  [K in Exclude<keyof RunsOptions, 'drainTimeoutMs'>]-?: NonNullable<RunsOptions[K]>
} & Pick<RunsOptions, 'drainTimeoutMs'>

/** {@link SserOptions} with their defaults. */
export type ResolvedOptions = {
  [K in keyof SserOptions]-?: K extends 'runs'
    ? ResolvedRunsOptions
    : K extends Optional
      ? SserOptions[K]
      : NonNullable<SserOptions[K]>
}

/** With neither `peerSecret` nor `allowOpenInternalPort`, the internal port needs certificates or a loopback address. */
export function isUnguarded({ peerSecret, allowOpenInternalPort }: ResolvedOptions): boolean {
  return peerSecret === undefined && !allowOpenInternalPort
}

/** The names of all options. */
export const OPTION_NAMES: readonly string[] = Object.keys(schema.entries)

/** Options of the calls that bind ports, which are given to `new Sser()` by mistake. */
export const SERVER_OPTIONS: readonly OtherOptions[] = [
  { call: 'serve()', names: ['fetch', 'port', 'hostname', 'serverOptions', 'fastPath'] },
  { call: 'join()', names: ['server'] },
  {
    call: 'serve() or join()',
    names: [
      'sser',
      'internalHostname',
      'internalTls',
      'opsPort',
      'requestDrainTimeoutMs',
      'beforeFlush',
      'signals',
    ],
  },
]

/** Checks options and adds the defaults. @throws SserError `invalid-options` */
export function resolveOptions(options: SserOptions): ResolvedOptions {
  return checkOptions(schema, options, ...SERVER_OPTIONS) as ResolvedOptions
}
