import { isIPv6 } from 'node:net'
import * as v from 'valibot'
import { isAddress } from '../address.ts'
import { type Peer, UID } from '../peer.ts'
import { type ApiObject, type Maybe, metadata } from './answer.ts'
import type { Found, Kind, View } from './kind.ts'

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
 * The endpoints of a Service, which come a hundred to an object and in batches: for fleets so large that each Pod's
 * every change would be too much to send to each Pod.
 */
export function endpointSlices(service: string): Kind<EndpointSlice> {
  return {
    group: 'discovery.k8s.io',
    resource: 'endpointslices',
    selectors: { labelSelector: `kubernetes.io/service-name=${service}` },
    schema,
    find: findPeers,
    own(objects, name, address) {
      const uids = new Set<string | undefined>()
      for (const { addresses, conditions, targetRef } of [...objects].flatMap(
        ({ endpoints }) => endpoints ?? [],
      )) {
        // A name is one Pod's at a time. An address may be another's, and says nothing where there is a name.
        const isOwn =
          name === undefined ? address !== undefined && addresses.includes(address) : targetRef?.name === name
        if (isOwn && conditions?.terminating !== true) uids.add(uidOf(targetRef))
      }
      // Of two, nothing here says which is the newer.
      return uids.size === 1 ? uids.values().next().value : undefined
    },
    identify(objects, uid) {
      const own = [...objects]
        .flatMap(({ endpoints }) => endpoints ?? [])
        .filter((each) => uidOf(each.targetRef) === uid)
      if (own.length === 0) return undefined
      // A Service with two families has a slice for each.
      return { name: own[0]?.targetRef?.name ?? undefined, addresses: own.flatMap((each) => each.addresses) }
    },
  }
}

/** Whoever may write slices writes what they like: what is no UID names nobody. */
function uidOf(targetRef: Maybe<TargetRef>): string | undefined {
  const uid = targetRef?.uid ?? ''
  return UID.test(uid) ? uid : undefined
}

/** A Pod may be in two slices for a while, and is in one of each family where a Service has two. */
function findPeers(objects: Iterable<EndpointSlice>, { family, port }: View): Found {
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
        // With publishNotReadyAddresses, `ready` is always true; `serving` is the Pod's own readiness.
        ...(conditions?.serving === false && { ready: false }),
        ...(isTerminating && { terminating: true }),
      }
      byPod.set(uid ?? address, { peer, isTerminating })
    }
  }
  const byAddress = new Map<string, Peer>()
  // An address outlives the Pod that had it: of two, the one that is not on its way out has it now.
  for (const leaving of [true, false]) {
    for (const { peer, isTerminating } of byPod.values()) {
      if (isTerminating === leaving) byAddress.set(peer.address, peer)
    }
  }
  return { peers: [...byAddress.values()], changesAt: Number.POSITIVE_INFINITY }
}
