import { isIPv6 } from 'node:net'
import * as v from 'valibot'
import { isAddress } from '../address.ts'
import { type ApiObject, type Maybe, metadata } from './api-objects.ts'
import type { PeerSet, PeerSetOptions, PeerSource } from './peer-source.ts'

/** Time after the end of its grace period at which a Pod counts as gone, because a dead node cannot report that. */
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
 * Reads peers from the Pods that match a label selector. Every running Pod is a peer, ready or not, terminating or not,
 * because its clients stay with it until it closes them.
 */
export function pods(labelSelector: string): PeerSource<Pod> {
  return {
    group: '',
    resource: 'pods',
    // With this selector, a Pod that leaves the phase Running arrives as DELETED.
    selectors: { labelSelector, fieldSelector: 'status.phase=Running' },
    schema,
    toPeerSet,
    ownUid(objects, name, address) {
      let own: Pod | undefined
      for (const pod of objects) {
        // The name decides if there is one, because the address may belong to another Pod by now.
        const isOwn =
          name === undefined
            ? address !== undefined && addresses(pod).includes(address)
            : pod.metadata.name === name
        // An old list may have a terminating Pod that had the name before. This Pod is starting, so it is not that one.
        if (!isOwn || pod.metadata.deletionTimestamp) continue
        if (own === undefined || createdAt(own) <= createdAt(pod)) own = pod
      }
      return own?.metadata.uid
    },
    findByUid(objects, uid) {
      for (const pod of objects) {
        if (pod.metadata.uid === uid) return { name: pod.metadata.name, addresses: addresses(pod) }
      }
      return undefined
    },
  }
}

/** RFC 3339 time in whole seconds, which compares as text. */
function createdAt({ metadata }: Pod): string {
  return metadata.creationTimestamp ?? ''
}

function toPeerSet(objects: Iterable<Pod>, { family, port, now }: PeerSetOptions): PeerSet {
  let nextExpiryAt = Number.POSITIVE_INFINITY
  const newest = new Map<string, Pod>()
  for (const pod of objects) {
    if (pod.status?.phase !== 'Running') continue
    const overdueAt = Date.parse(pod.metadata.deletionTimestamp ?? '') + OVERDUE_MS
    if (overdueAt <= now) continue
    const address = chooseAddress(addresses(pod), family)
    if (address === undefined) continue
    if (overdueAt < nextExpiryAt) nextExpiryAt = overdueAt
    // Of two Pods with one address the newer one has it now. In the same second, the later in the list is newer.
    const other = newest.get(address)
    if (other !== undefined && createdAt(other) > createdAt(pod)) continue
    newest.set(address, pod)
  }
  const peers = Array.from(newest, ([address, pod]) => ({
    address,
    port,
    uid: pod.metadata.uid,
    ...(!isReady(pod) && { ready: false }),
    ...(pod.metadata.deletionTimestamp && { terminating: true }),
  }))
  return { peers, nextExpiryAt }
}

/** Without the condition a Pod counts as ready, because its node has not reported yet. */
function isReady({ status }: Pod): boolean {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')
  return ready === undefined || ready.status === 'True'
}

function addresses({ status }: Pod): string[] {
  const all = status?.podIPs?.map(({ ip }) => ip) ?? [status?.podIP]
  return all.filter((ip) => ip != null && isAddress(ip)) as string[]
}

/** First address of the family; the first of any family if the Pod has none of it. */
function chooseAddress(addresses: readonly string[], family: PeerSetOptions['family']): string | undefined {
  const fits = (address: string) => isIPv6(address) === (family === 'IPv6')
  return (family === undefined ? undefined : addresses.find(fits)) ?? addresses[0]
}
