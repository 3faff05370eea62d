import { Resolver } from 'node:dns/promises'
import { isIP, isIPv4, isIPv6 } from 'node:net'
import * as v from 'valibot'
import { type Clock, MAX_TIMER_MS, pause, systemClock } from '../clock.ts'
import { SserError } from '../errors.ts'
import { ErrorReporter, type OnError } from '../telemetry/error-reporter.ts'
import { checkOptions } from '../validation.ts'
import { type Family, isAddress, ownFamily } from './address.ts'
import { Backoff } from './backoff.ts'
import { LatestPeers } from './latest-peers.ts'
import { commonOptions, wholeNumber } from './option-schemas.ts'
import { checkIsOptions, type FindOptions, type Peer, type PeerFinder, type PeerList } from './peer-finder.ts'

/** Time limit for the first answer. */
const START_MS = 30_000
/** Time for which answers may lack this Pod's own address, because DNS changes arrive up to 30 seconds late. */
const SELF_GRACE_MS = 60_000
/** Milliseconds per query, and queries per name server. */
const QUERY = { timeout: 1_000, tries: 2 }

/** Options of a {@link DnsPeerFinder}. */
export interface DnsPeerFinderOptions {
  /**
   * Fully qualified name, such as `web.shop.svc.cluster.local` of a headless Service, or `web.internal`. At least two
   * labels, because no search domain is tried.
   */
  hostname: string
  /** Internal port of the peers. @default this Pod's own */
  port?: number | undefined
  /** Record type to query: A or AAAA. @default the family of `POD_IP`, else IPv4, and IPv6 if there are no A records */
  family?: Family | undefined
  /** Interval of the queries in milliseconds, plus or minus a fifth. Minimum: 100. @default 5_000 */
  intervalMs?: number | undefined
  /** Name servers: `address` or `address:port`, with brackets around IPv6 that has a port. @default the system's */
  nameServers?: readonly string[] | undefined
  /** Receives every failed query, with the stage `peer-finder`. A failed query removes no peer. */
  onError?: OnError | undefined
  /** Time, timers and random numbers, for tests. @default the machine's own */
  clock?: Clock | undefined
}

/** A name of at least two labels. */
const HOSTNAME = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{1,63}\.?$/i

/** Leaves room for the extra fifth below the maximum of a timer. */
const MAX_INTERVAL_MS = Math.floor(MAX_TIMER_MS / 1.2)

const schema = v.strictObject({
  ...commonOptions,
  hostname: v.custom<string>(isHostname, 'a fully qualified name such as web.shop.svc.cluster.local'),
  intervalMs: v.optional(wholeNumber(100, MAX_INTERVAL_MS), 5_000),
  nameServers: v.optional(
    v.pipe(
      v.array(v.custom<string>(isNameServer, 'an IP address such as 10.96.0.10 or 10.96.0.10:53')),
      v.check((servers) => servers.length > 0, 'expected at least one address such as 10.96.0.10, got none'),
    ),
  ),
})

/**
 * Finds peers by querying DNS at an interval: in Kubernetes the Pods behind a headless Service, elsewhere the containers
 * behind a name (Docker Compose, ECS, Fly, Nomad). Needs no permissions. Changes arrive 5 to 30 seconds late, and a Pod
 * cannot be told from a later owner of its address. A headless Service needs `publishNotReadyAddresses: true`, because a
 * Pod looks for its peers before it is ready.
 *
 * A query that fails or has no addresses changes nothing: the last answer stays.
 *
 * @see https://kubernetes.io/docs/concepts/services-networking/service/#headless-services
 */
export class DnsPeerFinder implements PeerFinder {
  readonly #options: v.InferOutput<typeof schema>
  readonly #clock: Clock
  readonly #errors: ErrorReporter

  /** @throws SserError `invalid-options`, with the option, the expected value and the received one. */
  constructor(options: DnsPeerFinderOptions) {
    checkIsOptions('DnsPeerFinder', options, "{ hostname: 'web.shop.svc.cluster.local' }")
    this.#options = checkOptions(schema, options)
    this.#clock = this.#options.clock ?? systemClock
    this.#errors = new ErrorReporter(this.#options.onError)
  }

  /**
   * Queries until there is an answer, for up to 30 seconds.
   * @throws SserError `peer-finder-failed` if there is none by then; the signal's reason if it aborts.
   */
  async start({ signal, onError }: FindOptions): Promise<PeerList> {
    const { intervalMs } = this.#options
    const callerErrors = new ErrorReporter(onError)
    const backoff = new Backoff(this.#clock)
    const deadline = this.#clock.now() + START_MS
    for (;;) {
      signal.throwIfAborted()
      const answer = await this.#query(signal)
      signal.throwIfAborted()
      if (!(answer instanceof SserError)) {
        const changes = new LatestPeers(answer)
        void this.#poll(changes, signal, callerErrors)
        return { peers: answer, changes }
      }
      const waitMs = backoff.next(intervalMs)
      if (this.#clock.now() + waitMs > deadline) throw answer
      callerErrors.report(answer, { stage: 'peer-finder' })
      await pause(this.#clock, waitMs, signal)
    }
  }

  async #poll(latest: LatestPeers, signal: AbortSignal, callerErrors: ErrorReporter): Promise<void> {
    const { intervalMs } = this.#options
    let listedAt = this.#clock.now()
    let isReported = false
    while (!signal.aborted) {
      await pause(this.#clock, intervalMs * (0.8 + 0.4 * this.#clock.random()), signal)
      if (signal.aborted) break
      const answer = await this.#query(signal)
      if (signal.aborted) break
      if (answer instanceof SserError) callerErrors.report(answer, { stage: 'peer-finder' })
      else {
        latest.set(answer)
        if (isListed(answer)) listedAt = this.#clock.now()
        const isMissing = this.#clock.now() - listedAt >= SELF_GRACE_MS
        if (isMissing && !isReported) this.#reportMissing(callerErrors)
        isReported = isMissing
      }
    }
    latest.end()
  }

  #reportMissing(callerErrors: ErrorReporter): void {
    const { POD_IP } = process.env
    const error = new SserError(
      'peer-finder-failed',
      `DNS: ${this.#options.hostname} has answered without the address of this Pod, POD_IP "${POD_IP}", for ${SELF_GRACE_MS / 1_000} s, so peers with the same hostname send it no events. In Kubernetes, make the Service headless (clusterIP: None) with publishNotReadyAddresses: true, and let it select the labels of this Pod.`,
    )
    this.#errors.report(error, { stage: 'peer-finder' })
    callerErrors.report(error, { stage: 'peer-finder' })
  }

  /** Resolves with the peers, or with the error, which is reported as well. */
  async #query(signal: AbortSignal): Promise<readonly Peer[] | SserError> {
    const { hostname, nameServers, port } = this.#options
    // A new resolver per query, because the system's name servers may have changed.
    const resolver = new Resolver(QUERY)
    if (nameServers !== undefined) resolver.setServers(nameServers)
    const cancel = () => resolver.cancel()
    signal.addEventListener('abort', cancel, { once: true })
    try {
      const answered = await this.#resolve(resolver)
      const addresses = answered.filter(isAddress)
      if (addresses.length === 0)
        throw new Error(`The answer has no address of a Pod: ${answered.slice(0, 4).join(', ')}`)
      return [...new Set(addresses)].map((address) => ({ address, port }))
    } catch (cause) {
      const error = new SserError(
        'peer-finder-failed',
        `DNS: no address of ${hostname}. In Kubernetes: is there a headless Service of this name, with publishNotReadyAddresses: true, and does a NetworkPolicy allow this Pod to reach DNS (port 53, on OpenShift 5353)?`,
        { cause },
      )
      if (!signal.aborted) this.#errors.report(error, { stage: 'peer-finder' })
      return error
    } finally {
      signal.removeEventListener('abort', cancel)
    }
  }

  async #resolve(resolver: Resolver): Promise<string[]> {
    const { hostname, family = ownFamily() } = this.#options
    if (family === 'IPv4') return resolver.resolve4(hostname)
    if (family === 'IPv6') return resolver.resolve6(hostname)
    return resolver.resolve4(hostname).catch((error: unknown) => {
      // Only these codes say that there are no A records; after another error there may be some.
      const { code } = error as { code?: unknown }
      if (code !== 'ENODATA' && code !== 'ENOTFOUND') throw error
      return resolver.resolve6(hostname)
    })
  }
}

/** Returns whether the peers include this Pod; true as well if its address is unknown or of the other family. */
function isListed(peers: readonly Peer[]): boolean {
  const { POD_IP = '' } = process.env
  const ofFamily = peers.filter(({ address }) => isIP(address) === isIP(POD_IP))
  return ofFamily.length === 0 || ofFamily.some(({ address }) => address === POD_IP)
}

function isHostname(value: unknown): boolean {
  return typeof value === 'string' && HOSTNAME.test(value)
}

/** Returns whether a resolver takes this name server: an IP address, with an optional port. */
function isNameServer(text: unknown): boolean {
  if (typeof text !== 'string') return false
  if (isIP(text) !== 0) return true
  const [, v6, v4 = '', port] = /^(?:\[(.+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  if (port !== undefined && !(Number(port) >= 1 && Number(port) <= 65_535)) return false
  return v6 === undefined ? isIPv4(v4) : isIPv6(v6)
}
