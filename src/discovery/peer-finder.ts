import * as v from 'valibot'
import { SserError } from '../errors.ts'
import { printable } from '../printable.ts'
import type { ErrorReporter } from '../telemetry/error-reporter.ts'

/** Address of a Pod, as a peer finder lists it. */
export interface Peer {
  /** An IP address or a host name; IPv6 without brackets. */
  readonly address: string
  /** Internal port of the peer. @default this Pod's own */
  readonly port?: number | undefined
  /**
   * Identifies this Pod among all that ever had its address: Kubernetes' `metadata.uid`. A request names the Pod that it
   * is meant for, and any other Pod that has the address by now rejects it.
   */
  readonly uid?: string | undefined
  /**
   * `false`: the finder reports the Pod as not ready. If the Pod has never answered either, it is starting, and a failed
   * request is not a fault yet.
   */
  readonly ready?: boolean | undefined
  /** `true`: the finder reports that the Pod is being deleted, so failed requests are not errors. */
  readonly terminating?: boolean | undefined
}

/** A host name or an IPv4 address; or an IPv6 address, which has at least two colons. */
const ADDRESS = /^(?:[0-9A-Za-z._-]{1,253}|[0-9A-Fa-f.]*(?::[0-9A-Fa-f.]*){2,})$/

/** A host with a numeric last label, which the URL parser reads as an IPv4 address. */
const NUMERIC = /(?:^|\.)(?:\d+|0x[0-9a-f]*)\.?$/i

/** A UID that can be sent in a header. */
export const UID: RegExp = /^[!-~]{1,128}$/

const schema = v.object({
  address: v.pipe(v.string(), v.check(isAddress)),
  port: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535))),
  uid: v.optional(v.pipe(v.string(), v.regex(UID))),
  ready: v.optional(v.boolean()),
  terminating: v.optional(v.boolean()),
})

/** Expected value of each field, for error messages. */
const EXPECTED: Readonly<Record<string, string>> = {
  address: 'an IP address or a host name, without a scheme, brackets or a port',
  port: 'a whole number from 1 to 65,535',
  uid: '1 to 128 visible ASCII characters',
  ready: 'true or false',
  terminating: 'true or false',
}

/** `address:port` of a peer, IPv6 in brackets, as in URLs, receipts and log lines. */
export function hostOf({ address, port }: Peer, defaultPort: number): string {
  return `${bracketed(address)}:${port ?? defaultPort}`
}

/** Validates a list of peers. @throws SserError `invalid-peer`, with the entry, the field and the expected value. */
export function checkPeers(peers: readonly Peer[]): readonly Peer[] {
  if (!Array.isArray(peers)) {
    throw new SserError('invalid-peer', `Peer list: expected an array of peers, got ${show(peers)}`)
  }
  for (const [index, peer] of peers.entries()) {
    const parsed = v.safeParse(schema, peer)
    if (parsed.success) continue
    const field = v.getDotPath(parsed.issues[0]) ?? ''
    const fault = field in EXPECTED ? ` Its ${field} must be ${EXPECTED[field]}.` : ''
    throw new SserError(
      'invalid-peer',
      `Peer list: entry ${index} is ${show(peer)}; expected { address, port?, uid?, ready?, terminating? }.${fault}`,
    )
  }
  return peers
}

/** A value for an error message, on one line. */
export function show(value: unknown): string {
  return printable((JSON.stringify(value) ?? `${String(value)}`).slice(0, 200))
}

/** Returns whether a URL can have this host, and keeps it: `0x7f.1` would become 127.0.0.1. */
function isAddress(address: string): boolean {
  if (!ADDRESS.test(address)) return false
  const host = bracketed(address)
  if (!URL.canParse(`http://${host}/`)) return false
  return !NUMERIC.test(address) || address.includes(':') || new URL(`http://${host}/`).hostname === address
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address
}

/** First list of a finder, and its later changes. */
export interface PeerList {
  /** All peers at the start. */
  peers: readonly Peer[]
  /**
   * Every later list, complete. An implementation MUST yield only when the set or a field of a peer changed, MUST NOT
   * let a slow reader block its source (the latest list is enough), and MUST NOT shrink the set because of an error.
   */
  changes: AsyncIterable<readonly Peer[]>
  /** {@link Peer.uid} of this Pod, if the finder knows it. The Pod then rejects requests that are meant for another Pod. */
  uid?: string | undefined
}

/** Options of {@link PeerFinder.start}. */
export interface FindOptions {
  /** Stops the finder. */
  signal: AbortSignal
  /** Receives each fault that does not stop the finder. */
  onError?: ((error: unknown) => void) | undefined
}

/** Status of a peer finder. */
export interface PeerFinderStatus {
  /** One of the finder's own state names. */
  readonly state: string
  /** Milliseconds since the source last confirmed the list; undefined before that, or if the source never confirms. */
  readonly syncAgeMs: number | undefined
  /** True if the list has this Pod, if the finder checks that. `false`: its selector does not match this Pod. */
  readonly listsSelf?: boolean | undefined
  /** The latest fault, even if it is over. */
  readonly lastError?: { readonly message: string; readonly ageMs: number } | undefined
}

/** Finds the Pods of this workload. */
export interface PeerFinder {
  /**
   * Fetches the first list. The list MAY include this Pod. The promise MUST reject if the list cannot be fetched, and
   * with the signal's reason if the signal aborts first; after an abort `changes` MUST end.
   */
  start(options: FindOptions): Promise<PeerList>
  /**
   * Whether all peers have the address 127.0.0.1. Then `serve()` and `join()` bind an internal port with neither a
   * `peerSecret` nor `internalTls` to 127.0.0.1.
   */
  readonly isLocal?: boolean | undefined
  /** Status of the finder. Must be cheap, because every scrape of the metrics calls it. */
  status?(): PeerFinderStatus
}

/** Validates the result of {@link PeerFinder.start}. @throws SserError `invalid-peer`, with the expected shape. */
export function checkPeerList(list: PeerList): PeerList {
  const changes: unknown = list?.changes
  if (typeof (changes as PeerList['changes'] | undefined)?.[Symbol.asyncIterator] !== 'function') {
    throw new SserError(
      'invalid-peer',
      `peerFinder.start(): expected a promise of { peers, changes }, where changes is an async iterable, got ${show(list)}`,
    )
  }
  checkPeers(list.peers)
  return list
}

/** Rejects the options of a finder's constructor that are not an object; `example` shows the expected ones. */
export function checkIsOptions(finder: string, options: unknown, example: string): void {
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return
  throw new SserError(
    'invalid-options',
    `new ${finder}(): expected options such as ${example}, got ${show(options)}`,
  )
}

export interface FollowOptions {
  signal: AbortSignal
  errors: ErrorReporter
  adopt(peers: readonly Peer[]): void
}

/** Adopts each valid list of `changes`. Invalid lists and errors are reported, and the last valid list stays. */
export async function follow(changes: PeerList['changes'], options: FollowOptions): Promise<void> {
  const { signal, errors, adopt } = options
  try {
    for await (const peers of changes) {
      if (signal.aborted) return
      try {
        adopt(checkPeers(peers))
      } catch (error) {
        errors.report(error, { stage: 'peer-finder' })
      }
    }
    if (signal.aborted) return
    throw new SserError(
      'peer-finder-failed',
      'The peer finder ended its changes before its signal aborted; the last list of peers stays',
    )
  } catch (error) {
    if (!signal.aborted) errors.report(error, { stage: 'peer-finder' })
  }
}
