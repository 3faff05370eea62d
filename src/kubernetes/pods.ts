import { isIP, isIPv6 } from 'node:net'
import * as v from 'valibot'
import type { Peer } from '../mesh/peer.ts'
import { type ApiObject, type Maybe, metadata } from './answer.ts'
import type { Found, Kind, View } from './kind.ts'

/** A Pod that should be gone for so long is: a node that died cannot say so. Its grace period is over by then. */
const OVERDUE_MS = 60_000

interface Pod {
  metadata: ApiObject['metadata'] & { creationTimestamp?: Maybe<string>; deletionTimestamp?: Maybe<string> }
  status?: Maybe<{
    phase?: Maybe<string>
    podIP?: Maybe<string>
    podIPs?: Maybe<{ ip?: Maybe<string> }[]>
  }>
}

const schema: v.GenericSchema<unknown, Pod> = v.object({
  metadata: v.object({
    ...metadata,
    creationTimestamp: v.nullish(v.string()),
    deletionTimestamp: v.nullish(v.string()),
  }),
  status: v.nullish(
    v.object({
      phase: v.nullish(v.string()),
      podIP: v.nullish(v.string()),
      podIPs: v.nullish(v.array(v.object({ ip: v.nullish(v.string()) }))),
    }),
  ),
})

/**
 * The Pods that match a label selector. Who runs is a peer, ready or not, terminating or not: its clients stay with
 * it until it closes them.
 */
export function pods(labelSelector: string): Kind<Pod> {
  return {
    group: '',
    resource: 'pods',
    // A Pod that leaves the phase arrives as DELETED.
    selectors: { labelSelector, fieldSelector: 'status.phase=Running' },
    schema,
    find: findPeers,
    own(objects, name, address) {
      const all = [...objects]
      const named = all.find((pod) => pod.metadata.name === name)
      return (named ?? all.find((pod) => address !== undefined && addresses(pod).includes(address)))?.metadata
        .uid
    },
  }
}

function findPeers(objects: Iterable<Pod>, { family, port, now }: View): Found {
  let changesAt = Number.POSITIVE_INFINITY
  const newest = new Map<string, { peer: Peer; createdAt: string }>()
  for (const pod of objects) {
    if (pod.status?.phase !== 'Running') continue
    const overdueAt = Date.parse(pod.metadata.deletionTimestamp ?? '') + OVERDUE_MS
    if (overdueAt <= now) continue
    const address = chooseAddress(addresses(pod), family)
    if (address === undefined) continue
    if (overdueAt < changesAt) changesAt = overdueAt
    // An address outlives the Pod that had it. Times are whole seconds: of two, the one that came later is newer.
    const createdAt = pod.metadata.creationTimestamp ?? ''
    const rival = newest.get(address)
    if (rival !== undefined && rival.createdAt > createdAt) continue
    newest.set(address, { peer: { address, port, uid: pod.metadata.uid }, createdAt })
  }
  return { peers: Array.from(newest.values(), ({ peer }) => peer), changesAt }
}

function addresses({ status }: Pod): string[] {
  const all = status?.podIPs?.map(({ ip }) => ip) ?? [status?.podIP]
  return all.filter((ip) => ip != null && isIP(ip) !== 0) as string[]
}

/** The first address of the family, if there is one: a Pod that has none of it is given by what it has. */
function chooseAddress(addresses: readonly string[], family: View['family']): string | undefined {
  const fits = (address: string) => isIPv6(address) === (family === 'IPv6')
  return (family === undefined ? undefined : addresses.find(fits)) ?? addresses[0]
}
