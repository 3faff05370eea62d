import { printableLines } from './printable.ts'

/** Stable name of an error, for code to compare. Each has its cause and its fix. */
export type SserErrorCode =
  /** No stream is named, or its name is empty. Fix: Add `?stream=NAME` to the URL, or pass a name to `send()`. */
  | 'stream-name-required'
  /**
   * A stream name is no string, has over 256 bytes, or contains a control character or half of a surrogate pair. Fix:
   * Use a short name, such as an id.
   */
  | 'invalid-stream-name'
  /**
   * One request or `subscribe()` names more than `maxStreamsPerConnection` streams, or a request names that take over
   * 6,000 bytes in the URL.
   * Fix: Open a second connection, use shorter names, or send related events on one stream.
   */
  | 'too-many-streams-per-connection'
  /**
   * A query parameter of a request has a value that is not allowed. Fix: Use one of the values that the message
   * names.
   */
  | 'invalid-parameter'
  /**
   * `subscribe()` received an `after` that is not an event id of `sser`. Fix: Pass the `id` of an earlier event,
   * `'oldest'` to begin with the oldest event of the log, or no `after` to begin with the next one.
   */
  | 'invalid-event-id'
  /**
   * The `Accept` header of the client excludes `text/event-stream`. Fix: Remove the header, or add
   * `text/event-stream` to it.
   */
  | 'not-acceptable'
  /** A `GET` for events has a body. Fix: Send the parameters in the URL. */
  | 'unexpected-body'
  /**
   * The message of a `send()`, or the chunk of a `run.write()`, is the empty string, which EventSource ignores. Fix: Send at
   * least one character, such as `{}`.
   */
  | 'empty-message'
  /**
   * The message of a `send()`, or the chunk of a `run.write()`, is not a string, or a typed stream cannot send or parse it: `cause` has the issues of its
   * schema. Fix: Serialize it, for instance with `JSON.stringify()`, or change the value as the issues say.
   */
  | 'invalid-message'
  /**
   * A message, or a chunk of a run, has more than `maxMessageBytes` bytes. Fix: Send a reference to the data instead, or raise the
   * option on every Pod.
   */
  | 'message-too-large'
  /**
   * An event type is empty or too long, contains a line break or NUL, or begins with the reserved `sser-`. Fix:
   * Use a short name such as `created`.
   */
  | 'invalid-event-type'
  /**
   * `send()` or `disconnect()` was called before `start()`, or before `start()` knew the peers. Fix: Await
   * `serve()`, `join()` or `start()` first.
   */
  | 'not-started'
  /** The instance has stopped; it cannot start again. Fix: Create a new `Sser`, or stop sending before `stop()`. */
  | 'stopped'
  /**
   * An option is unknown, missing, or out of its range. Fix: Change the option that the message names, as the
   * message says.
   */
  | 'invalid-options'
  /**
   * A call received an argument of the wrong type, or an unknown option. Fix: Change the argument that the message
   * names, as the message says.
   */
  | 'invalid-argument'
  /**
   * A peer finder returned a value that is not a peer. Fix: Return `{ address, port?, uid?, ready?, terminating?
   * }`; the message names the entry and the field.
   */
  | 'invalid-peer'
  /**
   * Another process, or another worker, uses a port that `serve()` or `join()` is to bind. Fix: Stop that process, or change
   * the option that the message names.
   */
  | 'port-in-use'
  /**
   * The process may not bind a port, because ports below 1024 need a privilege. Fix: Change the option that the
   * message names to a port above 1023, or give the process the capability `CAP_NET_BIND_SERVICE`.
   */
  | 'port-not-permitted'
  /**
   * No network interface of this machine has the address on which a port is to be bound, or its name does not resolve.
   * Fix: Change the option that the message names to an address of this machine.
   */
  | 'address-not-available'
  /**
   * `serve()` or `join()` would bind the internal port beyond loopback with neither a `peerSecret` nor `internalTls`.
   * Fix: Set one of them; or bind the port to loopback, or set `allowOpenInternalPort: true` if only Pods reach it.
   */
  | 'open-internal-port'
  /**
   * The runtime, or its version, is not supported. Fix: Run Node 22.19 or later, or Bun, and import the entry
   * point of that runtime.
   */
  | 'unsupported-runtime'
  /**
   * A body has more bytes than its limit, or comes in too many small pieces. Fix: Send less, in larger pieces.
   * Between Pods of one version it does not occur.
   */
  | 'body-too-large'
  /**
   * A request to the internal port has no `Content-Length`. Fix: Remove a proxy between the Pods, because Pods
   * always send the length.
   */
  | 'length-required'
  /**
   * A web page sent a request to the internal port, or one of another origin to the publish routes, or the `Host` of a request is not a name of this Pod. Fix: Use
   * the Pod's IP address, or add the name to `allowedInternalHosts`.
   */
  | 'forbidden-origin'
  /**
   * A body on the internal port is not `application/json`, or one to the publish routes is compressed, or neither the URL nor
   * its type says what it is. Fix: Remove the sender on the internal port: it is not a peer. Publish with `?stream=`, or
   * with JSON or NDJSON.
   */
  | 'unsupported-media-type'
  /**
   * A body on the internal port, or to the publish routes, did not arrive in time. Fix: Look for a slow or overloaded
   * network between the Pods, or the client and the Pod.
   */
  | 'body-timeout'
  /**
   * The incomplete bodies on the internal port, or to the publish routes, exceed their limit; the largest one of the heaviest
   * sender is rejected. Or the publish routes answer 256 requests already. Fix: None is needed for peers: they retry. Restrict the internal port to peers with a NetworkPolicy.
   */
  | 'overloaded'
  /**
   * A request or response of a peer has no valid signature, or a request to the publish routes has no valid token. Fix: Give
   * all Pods the same `peerSecret`; in a fleet with Go Pods, set `allowGoPeers`; give the client the `publishToken`. The
   * clocks of the Pods need not agree.
   */
  | 'unauthorized'
  /**
   * A peer's message violates the protocol. Fix: Check that the peer runs `sser`, and a version that works with
   * this one.
   */
  | 'invalid-peer-message'
  /**
   * A peer sent one event twice with different contents; the first one counts. Fix: Report it with both versions:
   * Pods of `sser` never do so.
   */
  | 'conflicting-event'
  /**
   * `sser.publishRoutes` was read without the option `publishToken`. Fix: Set it to a token, or to false if middleware of the
   * app decides who publishes.
   */
  | 'open-publish-routes'
  /**
   * A body, or a line of it, is not the JSON of an event. Fix: Send objects such as `{"stream":"orders","data":"two coffees"}`.
   */
  | 'invalid-json'
  /**
   * No Pod knows a run of this name: it was never started, or ended longer ago than `runs.retainMs`. A reader waits 2 s for
   * the start. Fix: Start the run before its readers are told of it, and read it while it is kept.
   */
  | 'run-not-found'
  /**
   * `startRun()` received the name of a run that is running, or that has ended and is kept; the message has its state. Fix: Use
   * a new name for each run, or pass `replace: true` to start one again that has ended.
   */
  | 'run-exists'
  /**
   * `run.write()` was called after the end of the run. Fix: Stop writing when `run.signal` aborts, and after `end()` or
   * `fail()`.
   */
  | 'run-ended'
  /**
   * This Pod writes `runs.maxRuns` runs, or a name has had 1,000 runs within `runs.retainMs`. Fix: End runs that are done, limit
   * them per user, or raise the option; use a new name for each run.
   */
  | 'too-many-runs'
  /**
   * A run has failed: its producer called `fail()`, its source was idle for `maxIdleMs`, or the message has another reason. Fix:
   * Start it again.
   */
  | 'run-failed'
  /**
   * The stream of `runStream()` lacks chunks, or the end: the producer's Pod has gone, or chunks were evicted. Fix: Start the
   * run again, or read it by `readRun()`, which reports gaps; raise `runs.maxBytes` if chunks were evicted.
   */
  | 'run-incomplete'
  /** A tag is no string, is empty, or is too long. Fix: Use 1 to 256 characters. */
  | 'invalid-tag'
  /** `disconnect()` received neither a stream nor a tag. Fix: Name the stream, the tag, or both. */
  | 'empty-selector'
  /** `authorize` denied the request. Fix: None in `sser`: the client needs other credentials, or other streams. */
  | 'forbidden'
  /**
   * `authorize` returned `'stop'`: the client gets 204 and never reconnects. Fix: None in `sser`: the page has to
   * create a new EventSource when the client may connect again.
   */
  | 'blocked'
  /**
   * `authorize` threw, took longer than `authorizeTimeoutMs`, or returned an invalid decision. The client retries.
   * Fix: Read `cause`; return `'allow'`, `'deny'`, `'stop'` or `{ streams, expiresAt, tags }`.
   */
  | 'authorization-failed'
  /**
   * The Pod has `maxConnections` connections. Fix: Add Pods, or raise the option together with the memory limit.
   */
  | 'too-many-connections'
  /**
   * One client address has `maxConnectionsPerAddress` connections to this Pod. Fix: Behind a proxy set
   * `trustedProxyHops`, so that the clients' own addresses count.
   */
  | 'too-many-connections-from-address'
  /** The connections of this Pod have `maxStreams` different streams. Fix: Add Pods, or raise the option. */
  | 'too-many-streams'
  /**
   * This Pod has `maxSubscriptions` subscriptions. Fix: Leave the loops of clients that have gone, by a `signal` for
   * example, or raise the option.
   */
  | 'too-many-subscriptions'
  /**
   * The clients of this Pod have not read more than `maxOutputBufferBytes`, and this client has most of it. It
   * resumes. Fix: Raise the option together with the memory limit, or send less to slow clients.
   */
  | 'output-buffers-full'
  /**
   * A client has not read for `slowClientTimeoutMs`. It resumes. Fix: None is needed for single clients. If many
   * are slow, send less, or raise the option.
   */
  | 'slow-client'
  /**
   * An `idempotencyKey` is empty or too long, or contains a line break or NUL. Fix: Use 1 to 256 characters, such
   * as a UUID.
   */
  | 'invalid-idempotency-key'
  /**
   * A peer is unreachable, or its response is invalid. Events are retried. Fix: Check that the peer's internal
   * port is open to this Pod; the message has the cause.
   */
  | 'peer-failed'
  /**
   * A peer finder failed, or its list of changes ended. The last known peers stay. Fix: Read the message; for
   * Kubernetes it names the missing permission.
   */
  | 'peer-finder-failed'

/** The HTTP status of an answer to a request that failed with an {@link SserError}. */
export type SserErrorStatus =
  | 400
  | 401
  | 403
  | 404
  | 406
  | 408
  | 409
  | 411
  | 413
  | 415
  | 429
  | 500
  | 502
  | 503

const STATUS: Readonly<Record<SserErrorCode, SserErrorStatus>> = {
  'stream-name-required': 400,
  'invalid-stream-name': 400,
  'too-many-streams-per-connection': 400,
  'invalid-parameter': 400,
  'invalid-event-id': 400,
  'not-acceptable': 406,
  'unexpected-body': 400,
  'empty-message': 400,
  'invalid-message': 400,
  'message-too-large': 413,
  'invalid-event-type': 400,
  'not-started': 503,
  stopped: 503,
  'invalid-options': 500,
  'invalid-argument': 500,
  'invalid-peer': 500,
  'port-in-use': 500,
  'port-not-permitted': 500,
  'address-not-available': 500,
  'open-internal-port': 500,
  'unsupported-runtime': 500,
  'body-too-large': 413,
  'length-required': 411,
  'forbidden-origin': 403,
  'unsupported-media-type': 415,
  'body-timeout': 408,
  overloaded: 503,
  unauthorized: 401,
  'invalid-peer-message': 400,
  'conflicting-event': 409,
  'open-publish-routes': 500,
  'invalid-json': 400,
  'run-not-found': 404,
  'run-exists': 409,
  'run-ended': 409,
  'too-many-runs': 429,
  'run-failed': 500,
  'run-incomplete': 500,
  'invalid-tag': 400,
  'empty-selector': 400,
  forbidden: 403,
  blocked: 403,
  'authorization-failed': 500,
  'too-many-connections': 429,
  'too-many-connections-from-address': 429,
  'too-many-streams': 429,
  'too-many-subscriptions': 429,
  'output-buffers-full': 500,
  'slow-client': 500,
  'invalid-idempotency-key': 400,
  'peer-failed': 502,
  'peer-finder-failed': 500,
}

/** The one error class of `sser`: a stable `code`, a message for people, and the `cause` where there is one. */
export class SserError extends Error {
  override readonly name = 'SserError'
  readonly code: SserErrorCode
  /** The HTTP status for a request that fails with this error. Express, Fastify and Koa answer with it by themselves. */
  readonly status: SserErrorStatus
  /**
   * The answer to a request that fails with this error. Hono answers with it by itself. Absent where `status` is 500 or
   * more, so that Hono logs the error.
   */
  declare readonly getResponse?: () => Response

  constructor(code: SserErrorCode, message: string, options?: { cause?: unknown }) {
    // Part of it may come from outside, and `console.error` writes it to a terminal as it is.
    super(printableLines(message), options)
    this.code = code
    const status = STATUS[code]
    this.status = status
    if (status >= 500) return
    Object.defineProperty(this, 'getResponse', {
      value: () => new Response(`${this.message}\n`, { status, headers: { 'sser-error': code } }),
    })
  }
}

/** The error for calls that wait for an instance when it stops. */
export function stopped(): SserError {
  return new SserError('stopped', 'This instance was stopped')
}

/** An error's message with its causes': `fetch failed` alone says nothing. */
export function describe(error: unknown): string {
  const messages: string[] = []
  for (let cause = error; cause instanceof Error && messages.length < 4; cause = cause.cause) {
    const code = (cause as { code?: unknown }).code
    messages.push(cause.message === '' && typeof code === 'string' ? code : cause.message)
  }
  return printableLines(messages.length === 0 ? String(error) : messages.join(': '))
}

/** Longest part of a text value that {@link describeValue} repeats, in UTF-16 units. */
const MAX_SHOWN_LENGTH = 64

/** Describes the received value of an option or an argument, for the error that names the expected value. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, MAX_SHOWN_LENGTH))
  if (typeof value === 'function') return 'a function'
  if (typeof value !== 'object' || value === null) return String(value)
  if (Array.isArray(value))
    return `[${value.slice(0, 4).map(describeItem).join(', ')}${value.length > 4 ? ', …' : ''}]`
  // A server may put a class of its own in place of Response, whose name a bundler has changed.
  if (value instanceof Response) return 'an instance of Response'
  const type = Object.getPrototypeOf(value)?.constructor?.name
  if (type !== undefined && type !== 'Object') return `an instance of ${type}`
  const keys = Object.keys(value)
  return keys.length === 0 ? '{}' : `{ ${keys.slice(0, 8).join(', ')} }`
}

/** Describes a rejected secret by its type and length alone, because no log may repeat it. */
export function describeSecret(value: unknown): string {
  if (Array.isArray(value))
    return `${value.length === 1 ? 'a list of 1 item' : `a list of ${value.length} items`}${value
      .slice(0, 8)
      .map((item, index) => `${index === 0 ? ': ' : ', '}${describeSecret(item)}`)
      .join('')}`
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value !== 'string') return typeof value === 'object' ? 'an object' : `a ${typeof value}`
  if (value === '') return 'an empty string'
  const characters = `a string of ${value.length} ${value.length === 1 ? 'character' : 'characters'}`
  return /^[!-~]*$/.test(value) ? characters : `${characters}, not all of them visible ASCII`
}

function describeItem(value: unknown): string {
  return typeof value === 'object' && value !== null ? '…' : describeValue(value)
}

/** Minimum length of an unknown name that stands for the only known name which begins with it. */
const MIN_PREFIX_LENGTH = 3

/** For an error about an unknown name: the known name that it probably stands for, or all known names. */
export function suggestion(unknown: string, names: readonly string[]): string {
  const distances = names.map((name) => ({ name, distance: editDistance(unknown, name) }))
  const [closest] = distances.sort((a, b) => a.distance - b.distance)
  // `host` is at a distance of 4 from `hostname`, and of 2 from `port`.
  const longer = names.filter((name) => name.toLowerCase().startsWith(unknown.toLowerCase()))
  if (longer.length === 1 && unknown.length >= MIN_PREFIX_LENGTH) return `; did you mean "${longer[0]}"?`
  if (closest !== undefined && closest.distance <= Math.max(2, closest.name.length / 4))
    return `; did you mean "${closest.name}"?`
  return names.length === 1 ? `; expected ${names[0]}` : `; expected one of ${names.join(', ')}`
}

/** Levenshtein distance of two names, in lower case. */
function editDistance(from: string, to: string): number {
  const a = from.slice(0, MAX_SHOWN_LENGTH).toLowerCase()
  const b = to.toLowerCase()
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}
