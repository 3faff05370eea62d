import * as v from 'valibot'
import { SserError } from '../errors.ts'
import { printable } from '../printable.ts'

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

/** Request header with the {@link Peer.uid} of the Pod that the request is meant for. */
export const TARGET_HEADER = 'sser-target'

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

/** Destination of the requests to a peer. */
export interface Target {
  /** `address:port`. */
  readonly host: string
  readonly uid: string | undefined
  /** @see Peer.ready */
  readonly ready?: boolean | undefined
  /** @see Peer.terminating */
  readonly terminating?: boolean | undefined
}

export function targetOf(peer: Peer, defaultPort: number): Target {
  const { uid, ready, terminating } = peer
  return { host: hostOf(peer, defaultPort), uid, ready, terminating }
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
