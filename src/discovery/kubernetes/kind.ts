import type * as v from 'valibot'
import type { Family } from '../family.ts'
import type { Peer } from '../peer.ts'
import type { ApiObject } from './answer.ts'

/** How peers are chosen from what the API server knows. */
export interface View {
  /** The peers' internal port, where it is not this Pod's own. */
  port: number | undefined
  family: Family | undefined
  /** The API server's clock, in milliseconds since 1970; NaN where it does not tell. */
  now: number
}

/** Who the peers are. */
export interface Found {
  peers: Peer[]
  /** When, by the API server's clock, somebody leaves the list without a word from it. */
  changesAt: number
}

/** A kind of object that tells who the peers are, and where it is to be had. */
export interface Kind<T extends ApiObject = ApiObject> {
  /** The API's group; empty for the core. */
  readonly group: string
  /** The name of the collection, as it is in a Role. */
  readonly resource: string
  readonly selectors: Readonly<Record<string, string>>
  readonly schema: v.GenericSchema<unknown, T>
  find(objects: Iterable<T>, view: View): Found
  /**
   * This Pod's own UID, by its name, or by one of its addresses where it knows no name; undefined where that is not
   * certain, as then it refuses nothing. It is asked for once, of a list that may be old.
   */
  own(objects: Iterable<T>, name: string | undefined, address: string | undefined): string | undefined
  /** What is known of the Pod with that UID; undefined where it is none of these. */
  identify(
    objects: Iterable<T>,
    uid: string,
  ): { name: string | undefined; addresses: readonly string[] } | undefined
}
