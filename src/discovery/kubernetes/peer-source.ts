import type * as v from 'valibot'
import type { Family } from '../address.ts'
import type { Peer } from '../peer-finder.ts'
import type { ApiObject } from './api-objects.ts'

/** Options for reading peers from API objects. */
export interface PeerSetOptions {
  /** Internal port of the peers, if it differs from this Pod's own. */
  port: number | undefined
  family: Family | undefined
  /** Time of the API server in milliseconds since 1970; NaN if it sends no `Date`. */
  now: number
}

/** Peers that a set of API objects describes. */
export interface PeerSet {
  peers: Peer[]
  /** API server time at which the next overdue Pod leaves the set without an event; infinite if there is none. */
  nextExpiryAt: number
}

/** A resource of the Kubernetes API that describes the peers: its endpoint, its schema, and how to read peers from it. */
export interface PeerSource<T extends ApiObject = ApiObject> {
  /** API group; empty for the core group. */
  readonly group: string
  /** Name of the resource, as a Role writes it. */
  readonly resource: string
  readonly selectors: Readonly<Record<string, string>>
  readonly schema: v.GenericSchema<unknown, T>
  toPeerSet(objects: Iterable<T>, options: PeerSetOptions): PeerSet
  /**
   * UID of this Pod, by its name, or by one of its addresses if its name is unknown. Undefined unless it is certain,
   * because a Pod with a wrong UID rejects the requests of its peers. The list may be old.
   */
  ownUid(objects: Iterable<T>, name: string | undefined, address: string | undefined): string | undefined
  /** Name and addresses of the Pod with this UID; undefined if no object describes it. */
  findByUid(
    objects: Iterable<T>,
    uid: string,
  ): { name: string | undefined; addresses: readonly string[] } | undefined
}
