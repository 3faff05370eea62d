import { SserError } from '../../errors.ts'
import type { ApiObject } from './api-objects.ts'
import type { PeerSource } from './peer-source.ts'

/** This Pod's metadata from the downward API; undefined where a variable is not set. */
export interface Identity {
  uid: string | undefined
  name: string | undefined
  /** One of the Pod's addresses. */
  address: string | undefined
}

/** Reads the current environment. */
export function ownIdentity(): Identity {
  const { POD_UID, POD_NAME, POD_IP } = process.env
  return { uid: POD_UID || undefined, name: POD_NAME || undefined, address: POD_IP || undefined }
}

/** Looks up this Pod among the objects that its own finder lists. */
export class OwnPod {
  readonly #source: PeerSource
  readonly #identity: Identity

  constructor(source: PeerSource, identity: Identity) {
    this.#source = source
    this.#identity = identity
  }

  /** `POD_UID`, else the UID of the listed Pod with this Pod's name or address. */
  uid(objects: readonly ApiObject[]): string | undefined {
    return this.#identity.uid ?? this.#listedUid(objects)
  }

  /** Returns whether this Pod is in the list; undefined if the downward API provides neither UID, name nor address. */
  isListed(objects: readonly ApiObject[]): boolean | undefined {
    const { uid, name, address } = this.#identity
    if (uid !== undefined) return this.#source.findByUid(objects, uid) !== undefined
    if (name === undefined && address === undefined) return undefined
    return this.#listedUid(objects) !== undefined
  }

  /**
   * Evidence in the list that `POD_UID` is wrong: the Pod with that UID has another name, or the Pod with this Pod's name
   * or address has another UID. Undefined if the list does not contradict `POD_UID`.
   */
  contradiction(objects: readonly ApiObject[]): string | undefined {
    const { uid, name, address } = this.#identity
    if (uid === undefined) return undefined
    const claimed = this.#source.findByUid(objects, uid)
    if (claimed !== undefined) {
      const isName = name === undefined || claimed.name === undefined || claimed.name === name
      const isAddress =
        address === undefined || claimed.addresses.length === 0 || claimed.addresses.includes(address)
      if (isName && isAddress) return undefined
      if (!isName) return `it is the UID of the Pod "${claimed.name}", and POD_NAME is "${name}"`
    }
    const listed = this.#listedUid(objects)
    if (listed === undefined || listed === uid) return undefined
    const by = name === undefined ? `address, POD_IP "${address}"` : `name, POD_NAME "${name}"`
    return `the Pod of this ${by}, has the UID "${listed}"`
  }

  /** The variables of the downward API, for error messages. */
  toString(): string {
    const { uid, name, address } = this.#identity
    const parts = Object.entries({ POD_NAME: name, POD_IP: address, POD_UID: uid })
    return parts
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => `${key} "${value}"`)
      .join(', ')
  }

  #listedUid(objects: readonly ApiObject[]): string | undefined {
    return this.#source.ownUid(objects, this.#identity.name, this.#identity.address)
  }
}

/** Error for a `POD_UID` that is not this Pod's UID. */
export function wrongUid(uid: string, evidence: string): SserError {
  return new SserError(
    'peer-finder-failed',
    `Kubernetes: POD_UID is "${uid}", which is not the UID of this Pod: ${evidence}. With it this Pod would reject the requests of its peers. In the container's env, take it from the downward API: { name: POD_UID, valueFrom: { fieldRef: { fieldPath: metadata.uid } } }`,
  )
}

export interface Absence {
  source: PeerSource
  namespace: string
  /** Number of objects in the list. */
  count: number
  /** Name, address and UID of this Pod, for the message. */
  own: string
  ms: number
}

/** Error for a selector that does not match the Pod that the finder runs in. */
export function notListed({ source, namespace, count, own, ms }: Absence): SserError {
  const { labelSelector = '' } = source.selectors
  const fix =
    source.resource === 'pods'
      ? `The labelSelector "${labelSelector}" selects ${count} running Pods, and not this one. Give the Deployment's Pod template these labels, or the finder the labels of the Pods: kubectl get pods -n ${namespace} --show-labels`
      : `None of the ${count} endpoint slices with "${labelSelector}" has this Pod. Give the Service a selector that matches the labels of this Pod: kubectl get endpointslices -n ${namespace} -l ${labelSelector} -o wide`
  return new SserError(
    'peer-finder-failed',
    `Kubernetes: this Pod (${own}) has not been among its own peers in namespace "${namespace}" for ${ms / 1_000} s, so peers with the same selector send it no events. ${fix}`,
  )
}
