import { SserError } from '../../errors.ts'
import type { Kind } from './kind.ts'

/** `POD_UID` is not this Pod's UID. */
export function wrongUid(uid: string, reason: string): SserError {
  return new SserError(
    'peer-finder-failed',
    `Kubernetes: POD_UID is "${uid}", which is not the UID of this Pod: ${reason}. With it this Pod would refuse what its peers send to it. In the container's env, take it from the downward API: { name: POD_UID, valueFrom: { fieldRef: { fieldPath: metadata.uid } } }`,
  )
}

export interface Absence {
  kind: Kind
  namespace: string
  /** How many objects the finder knows. */
  count: number
  /** This Pod, in words. */
  own: string
  ms: number
}

/** The finder's selector misses the very Pod that it runs in. */
export function notListed({ kind, namespace, count, own, ms }: Absence): SserError {
  const { labelSelector = '' } = kind.selectors
  const fix =
    kind.resource === 'pods'
      ? `The labelSelector "${labelSelector}" selects ${count} running Pods, and not this one. Give the Deployment's Pod template these labels, or the finder the labels that it has: kubectl get pods -n ${namespace} --show-labels`
      : `The endpoint slices with "${labelSelector}" are ${count}, and none has this Pod. Give the Service a selector that the labels of this Pod match: kubectl get endpointslices -n ${namespace} -l ${labelSelector} -o wide`
  return new SserError(
    'peer-finder-failed',
    `Kubernetes: this Pod (${own}) has not been among its own peers in namespace "${namespace}" for ${ms / 1_000} s, so peers that look as it does send it no events. ${fix}`,
  )
}
