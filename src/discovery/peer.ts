import * as v from 'valibot'
import { SserError } from '../errors.ts'
import { printable } from '../printable.ts'

/** A Pod's address, as a finder gives it. */
export interface Peer {
  /** An IP address or a host name; IPv6 without brackets. */
  readonly address: string
  /** The peer's internal port. Default: this Pod's own. */
  readonly port?: number | undefined
  /**
   * Names this Pod among all that ever had its address: Kubernetes' `metadata.uid`. A request names the Pod it is
   * meant for, and whoever has the address by now refuses what is meant for another.
   */
  readonly uid?: string | undefined
  /**
   * `false`: the Pod is not ready, as far as the finder knows. Where it has never answered either, it is starting, and
   * a request that fails is no fault yet.
   */
  readonly ready?: boolean | undefined
  /** The Pod is being deleted, as far as the finder knows. Requests that fail are no fault: it is leaving. */
  readonly terminating?: boolean | undefined
}

/** Names the Pod that a request is meant for, by its {@link Peer.uid}. */
export const TARGET_HEADER = 'sser-target'

/** A name or an IPv4 address; or an IPv6 address, which has two colons at least. */
const ADDRESS = /^(?:[0-9A-Za-z._-]+|[0-9A-Fa-f.]*(?::[0-9A-Fa-f.]*){2,})$/

/** What names one Pod among all that ever were, and can be sent in a header. */
export const UID: RegExp = /^[!-~]{1,128}$/

const schema = v.object({
  address: v.pipe(v.string(), v.regex(ADDRESS)),
  port: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535))),
  uid: v.optional(v.pipe(v.string(), v.regex(UID))),
  ready: v.optional(v.boolean()),
  terminating: v.optional(v.boolean()),
})

/** Where requests to a peer go, and whom they are meant for. */
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

/** A peer as `address:port`, IPv6 in brackets: how it is named in URLs, receipts and reports. */
export function hostOf({ address, port }: Peer, defaultPort: number): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port ?? defaultPort}`
}

/** Checks what a finder returned; throws `invalid-peer`. */
export function checkPeers(peers: readonly Peer[]): readonly Peer[] {
  for (const peer of peers) {
    if (!v.is(schema, peer)) {
      throw new SserError(
        'invalid-peer',
        `Not a peer: ${printable(JSON.stringify(peer) ?? `${peer}`)}; expected { address, port?, uid?, ready?, terminating? }`,
      )
    }
  }
  return peers
}
