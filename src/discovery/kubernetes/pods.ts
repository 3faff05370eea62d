import { isIPv6 } from 'node:net'
import * as v from 'valibot'
import { isAddress } from '../address.ts'
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
    conditions?: Maybe<{ type: string; status: string }[]>
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
      conditions: v.nullish(v.array(v.object({ type: v.string(), status: v.string() }))),
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
      let own: Pod | undefined
      for (const pod of objects) {
        // An address may be another's, and says nothing where there is a name.
        const isOwn =
          name === undefined
            ? address !== undefined && addresses(pod).includes(address)
            : pod.metadata.name === name
        // A list may come from a cache that still knows a Pod that had the name before. Who starts does not leave.
        if (!isOwn || pod.metadata.deletionTimestamp) continue
        if (own === undefined || createdAt(own) <= createdAt(pod)) own = pod
      }
      return own?.metadata.uid
    },
    identify(objects, uid) {
      for (const pod of objects) {
        if (pod.metadata.uid === uid) return { name: pod.metadata.name, addresses: addresses(pod) }
      }
      return undefined
    },
  }
}

/** In whole seconds, and to be compared as text. */
function createdAt({ metadata }: Pod): string {
  return metadata.creationTimestamp ?? ''
}

function findPeers(objects: Iterable<Pod>, { family, port, now }: View): Found {
  let changesAt = Number.POSITIVE_INFINITY
  const newest = new Map<string, Pod>()
  for (const pod of objects) {
    if (pod.status?.phase !== 'Running') continue
    const overdueAt = Date.parse(pod.metadata.deletionTimestamp ?? '') + OVERDUE_MS
    if (overdueAt <= now) continue
    const address = chooseAddress(addresses(pod), family)
    if (address === undefined) continue
    if (overdueAt < changesAt) changesAt = overdueAt
    // An address outlives the Pod that had it. Times are whole seconds: of two, the one that came later is newer.
    const rival = newest.get(address)
    if (rival !== undefined && createdAt(rival) > createdAt(pod)) continue
    newest.set(address, pod)
  }
  const peers = Array.from(newest, ([address, pod]) => ({
    address,
    port,
    uid: pod.metadata.uid,
    ...(!isReady(pod) && { ready: false }),
    ...(pod.metadata.deletionTimestamp && { terminating: true }),
  }))
  return { peers, changesAt }
}

/** A Pod without the condition is one whose node has not said yet. */
function isReady({ status }: Pod): boolean {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')
  return ready === undefined || ready.status === 'True'
}

function addresses({ status }: Pod): string[] {
  const all = status?.podIPs?.map(({ ip }) => ip) ?? [status?.podIP]
  return all.filter((ip) => ip != null && isAddress(ip)) as string[]
}

/** The first address of the family, if there is one: a Pod that has none of it is given by what it has. */
function chooseAddress(addresses: readonly string[], family: View['family']): string | undefined {
  const fits = (address: string) => isIPv6(address) === (family === 'IPv6')
  return (family === undefined ? undefined : addresses.find(fits)) ?? addresses[0]
}
