import { Resolver } from 'node:dns/promises'
import { isIP, isIPv4, isIPv6 } from 'node:net'
import * as v from 'valibot'
import { type Clock, MAX_TIMER_MS, pause, systemClock } from '../clock.ts'
import { SserError } from '../errors.ts'
import { checkOptions } from '../options.ts'
import { Faults, type OnError } from '../telemetry/faults.ts'
import { isAddress } from './address.ts'
import { Backoff } from './backoff.ts'
import { type Family, ownFamily } from './family.ts'
import type { FindOptions, PeerFinder, PeerList } from './finder.ts'
import { LatestPeers } from './latest.ts'
import type { Peer } from './peer.ts'

/** How long the first answer may take. */
const START_MS = 30_000
/** For so long answers may lack this Pod's own address: a change is heard of up to half of that later. */
const SELF_MS = 60_000
/** How long one name server may take, and how often each is asked. */
const QUERY = { timeout: 1_000, tries: 2 }

/** What a {@link DnsPeerFinder} can be told. */
export interface DnsPeerFinderOptions {
  /** The headless Service's name in full, `web.shop.svc.cluster.local`: no search domain is tried. */
  hostname: string
  /** The peers' internal port. Default: this Pod's own. */
  port?: number | undefined
  /** Which addresses to ask for. Default: the family of `POD_IP`, else IPv4, and IPv6 where there is none. */
  family?: Family | undefined
  /** How often to ask, in milliseconds, give or take a fifth. Default: 5,000. Minimum: 100. Maximum: 1,789,569,705. */
  intervalMs?: number | undefined
  /** The name servers, as IP `address` or `address:port`, IPv6 with a port in brackets. Default: the system's. */
  nameServers?: readonly string[] | undefined
  /** Hears of every failed query, at the stage `peer-finder`. None of them takes a peer away. */
  onError?: OnError | undefined
  /** Time, timers and chance; for tests. Default: the machine's own. */
  clock?: Clock | undefined
}

/** A name of two labels at least: no resolver would find a shorter one without a search domain. */
const HOSTNAME = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{1,63}\.?$/i

/** What no timer that is a fifth longer would wait for. */
const MOST_INTERVAL_MS = Math.floor(MAX_TIMER_MS / 1.2)

const schema = v.strictObject({
  hostname: v.string(),
  port: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535))),
  family: v.optional(v.picklist(['IPv4', 'IPv6'])),
  intervalMs: v.optional(
    v.pipe(v.number(), v.integer(), v.minValue(100), v.maxValue(MOST_INTERVAL_MS)),
    5_000,
  ),
  nameServers: v.optional(v.pipe(v.array(v.string()), v.minLength(1))),
  onError: v.optional(v.function() as v.GenericSchema<OnError>),
  clock: v.optional(v.custom<Clock>((value) => typeof value === 'object' && value !== null)),
})

/**
 * Finds the Pods behind a headless Service by asking DNS, again and again: it needs no right to anything, but hears of
 * a change only 5 to 30 seconds later, and cannot tell a Pod from another that got its address. Let the Service have
 * `publishNotReadyAddresses: true`: a Pod looks for its peers before it is ready.
 *
 * A query that fails, or finds nobody, changes nothing: the last answer stands.
 *
 * @see https://kubernetes.io/docs/concepts/services-networking/service/#headless-services
 */
export class DnsPeerFinder implements PeerFinder {
  readonly #options: v.InferOutput<typeof schema>
  readonly #clock: Clock
  readonly #faults: Faults

  /** @throws SserError `invalid-options`, naming the option and what it wants. */
  constructor(options: DnsPeerFinderOptions) {
    this.#options = checkOptions(schema, options)
    const { hostname } = this.#options
    if (!HOSTNAME.test(hostname)) {
      throw new SserError(
        'invalid-options',
        `Option "hostname": "${hostname}" is no name in full; expected one as web.shop.svc.cluster.local`,
      )
    }
    for (const server of this.#options.nameServers ?? []) {
      if (!isNameServer(server)) {
        throw new SserError(
          'invalid-options',
          `Option "nameServers": "${server}" is no IP address; expected one as 10.96.0.10 or 10.96.0.10:53`,
        )
      }
    }
    this.#clock = this.#options.clock ?? systemClock
    this.#faults = new Faults(this.#options.onError)
  }

  /**
   * Asks until there is an answer, for up to 30 seconds.
   * @throws SserError `peer-finder-failed` if there is none by then; the signal's reason when it aborts.
   */
  async start({ signal, onError }: FindOptions): Promise<PeerList> {
    const { intervalMs } = this.#options
    const starterFaults = new Faults(onError)
    const backoff = new Backoff(this.#clock)
    const deadline = this.#clock.now() + START_MS
    for (;;) {
      signal.throwIfAborted()
      const answer = await this.#ask(signal)
      signal.throwIfAborted()
      if (!(answer instanceof SserError)) {
        const changes = new LatestPeers(answer)
        void this.#poll(changes, signal, starterFaults)
        return { peers: answer, changes }
      }
      const waitMs = backoff.next(intervalMs)
      if (this.#clock.now() + waitMs > deadline) throw answer
      starterFaults.report(answer, { stage: 'peer-finder' })
      await pause(this.#clock, waitMs, signal)
    }
  }

  async #poll(latest: LatestPeers, signal: AbortSignal, starterFaults: Faults): Promise<void> {
    const { intervalMs } = this.#options
    let listedAt = this.#clock.now()
    let isTold = false
    while (!signal.aborted) {
      await pause(this.#clock, intervalMs * (0.8 + 0.4 * this.#clock.random()), signal)
      if (signal.aborted) break
      const answer = await this.#ask(signal)
      if (signal.aborted) break
      if (answer instanceof SserError) starterFaults.report(answer, { stage: 'peer-finder' })
      else {
        latest.set(answer)
        if (isListed(answer)) listedAt = this.#clock.now()
        const isMissing = this.#clock.now() - listedAt >= SELF_MS
        if (isMissing && !isTold) this.#tellMissing(starterFaults)
        isTold = isMissing
      }
    }
    latest.end()
  }

  #tellMissing(starterFaults: Faults): void {
    const { POD_IP } = process.env
    const error = new SserError(
      'peer-finder-failed',
      `DNS: ${this.#options.hostname} has answered without the address of this Pod, POD_IP "${POD_IP}", for ${SELF_MS / 1_000} s, so peers that look as it does send it no events. Let the Service be headless (clusterIP: None), have publishNotReadyAddresses: true, and select the labels of this Pod.`,
    )
    this.#faults.report(error, { stage: 'peer-finder' })
    starterFaults.report(error, { stage: 'peer-finder' })
  }

  /** One answer; or why there is none, which is reported as well. */
  async #ask(signal: AbortSignal): Promise<readonly Peer[] | SserError> {
    const { hostname, nameServers, port } = this.#options
    // A new one for each answer: the system's name servers may have changed.
    const resolver = new Resolver(QUERY)
    if (nameServers !== undefined) resolver.setServers(nameServers)
    const cancel = () => resolver.cancel()
    signal.addEventListener('abort', cancel, { once: true })
    try {
      const answered = await this.#resolve(resolver)
      const addresses = answered.filter(isAddress)
      if (addresses.length === 0)
        throw new Error(`It answers with no address of a Pod: ${answered.slice(0, 4).join(', ')}`)
      return [...new Set(addresses)].map((address) => ({ address, port }))
    } catch (cause) {
      const error = new SserError(
        'peer-finder-failed',
        `DNS: no address of ${hostname}. Is there a headless Service of this name, with publishNotReadyAddresses: true, and does a NetworkPolicy allow this Pod to reach DNS (port 53, on OpenShift 5353)?`,
        { cause },
      )
      if (!signal.aborted) this.#faults.report(error, { stage: 'peer-finder' })
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
      // Whoever has no IPv4 says so; a server that says nothing may have both.
      const { code } = error as { code?: unknown }
      if (code !== 'ENODATA' && code !== 'ENOTFOUND') throw error
      return resolver.resolve6(hostname)
    })
  }
}

/** Whether the answer has this Pod's own address; also where that is not known, or is of the other family. */
function isListed(peers: readonly Peer[]): boolean {
  const { POD_IP = '' } = process.env
  const ofFamily = peers.filter(({ address }) => isIP(address) === isIP(POD_IP))
  return ofFamily.length === 0 || ofFamily.some(({ address }) => address === POD_IP)
}

/** An address by which no name has to be looked up first. */
function isNameServer(text: string): boolean {
  if (isIP(text) !== 0) return true
  const [, v6, v4 = '', port] = /^(?:\[(.+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  if (port !== undefined && !(Number(port) >= 1 && Number(port) <= 65_535)) return false
  return v6 === undefined ? isIPv4(v4) : isIPv6(v6)
}
