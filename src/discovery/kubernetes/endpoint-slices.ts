import { isIPv6 } from 'node:net'
import * as v from 'valibot'
import { isAddress } from '../address.ts'
import { type Peer, UID } from '../peer-finder.ts'
import { type ApiObject, type Maybe, metadata } from './api-objects.ts'
import type { PeerSet, PeerSetOptions, PeerSource } from './peer-source.ts'

interface EndpointSlice extends ApiObject {
  endpoints?: Maybe<
    {
      addresses: string[]
      conditions?: Maybe<{ serving?: Maybe<boolean>; terminating?: Maybe<boolean> }>
      targetRef?: Maybe<TargetRef>
    }[]
  >
}

interface TargetRef {
  uid?: Maybe<string>
  name?: Maybe<string>
}

const endpoint = v.object({
  addresses: v.array(v.string()),
  conditions: v.nullish(v.object({ serving: v.nullish(v.boolean()), terminating: v.nullish(v.boolean()) })),
  targetRef: v.nullish(v.object({ uid: v.nullish(v.string()), name: v.nullish(v.string()) })),
})

const schema: v.GenericSchema<unknown, EndpointSlice> = v.object({
  metadata: v.object(metadata),
  endpoints: v.nullish(v.array(endpoint)),
})

/**
 * Reads peers from the EndpointSlices of a Service. One object has up to a hundred endpoints and changes in batches, which
 * suits large fleets: with Pods, every change of a Pod is sent to every Pod.
 */
export function endpointSlices(service: string): PeerSource<EndpointSlice> {
  return {
    group: 'discovery.k8s.io',
    resource: 'endpointslices',
    selectors: { labelSelector: `kubernetes.io/service-name=${service}` },
    schema,
    toPeerSet,
    ownUid(objects, name, address) {
      const uids = new Set<string | undefined>()
      for (const { addresses, conditions, targetRef } of [...objects].flatMap(
        ({ endpoints }) => endpoints ?? [],
      )) {
        // The name decides if there is one, because the address may belong to another Pod by now.
        const isOwn =
          name === undefined ? address !== undefined && addresses.includes(address) : targetRef?.name === name
        if (isOwn && conditions?.terminating !== true) uids.add(uidOf(targetRef))
      }
      // Of two Pods, nothing here tells which is newer.
      return uids.size === 1 ? uids.values().next().value : undefined
    },
    findByUid(objects, uid) {
      const own = [...objects]
        .flatMap(({ endpoints }) => endpoints ?? [])
        .filter((each) => uidOf(each.targetRef) === uid)
      if (own.length === 0) return undefined
      // A Service with two families has a slice per family.
      return { name: own[0]?.targetRef?.name ?? undefined, addresses: own.flatMap((each) => each.addresses) }
    },
  }
}

/** UID of an endpoint's Pod; undefined if it is malformed, because slices are untrusted input. */
function uidOf(targetRef: Maybe<TargetRef>): string | undefined {
  const uid = targetRef?.uid ?? ''
  return UID.test(uid) ? uid : undefined
}

/** A Pod may be in two slices for a while, and in one per family of its Service. */
function toPeerSet(objects: Iterable<EndpointSlice>, { family, port }: PeerSetOptions): PeerSet {
  const byPod = new Map<string, { peer: Peer; isTerminating: boolean }>()
  for (const { endpoints } of objects) {
    for (const { addresses, conditions, targetRef } of endpoints ?? []) {
      const address = addresses.find(isAddress)
      if (address === undefined) continue
      const uid = uidOf(targetRef)
      const known = byPod.get(uid ?? address)
      if (known !== undefined && isIPv6(address) !== (family === 'IPv6')) continue
      const isTerminating = conditions?.terminating === true
      const peer = {
        address,
        port,
        uid,
        // With publishNotReadyAddresses, `ready` is always true; `serving` is the Pod's readiness.
        ...(conditions?.serving === false && { ready: false }),
        ...(isTerminating && { terminating: true }),
      }
      byPod.set(uid ?? address, { peer, isTerminating })
    }
  }
  const byAddress = new Map<string, Peer>()
  // Terminating Pods first, so that a new Pod wins the address of a terminating one.
  for (const leaving of [true, false]) {
    for (const { peer, isTerminating } of byPod.values()) {
      if (isTerminating === leaving) byAddress.set(peer.address, peer)
    }
  }
  return { peers: [...byAddress.values()], nextExpiryAt: Number.POSITIVE_INFINITY }
}
