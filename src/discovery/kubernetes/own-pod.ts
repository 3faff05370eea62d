import type { ApiObject } from './answer.ts'
import type { Identity } from './identity.ts'
import type { Kind } from './kind.ts'

/** This Pod, as it finds itself among the objects that its own finder knows. */
export class OwnPod {
  readonly #kind: Kind
  readonly #identity: Identity

  constructor(kind: Kind, identity: Identity) {
    this.#kind = kind
    this.#identity = identity
  }

  /** Its UID: `POD_UID`, else the UID of the listed Pod with its name or address. */
  uid(objects: readonly ApiObject[]): string | undefined {
    return this.#identity.uid ?? this.#found(objects)
  }

  /** Whether it is one of the peers itself; undefined where the downward API says nothing of it. */
  isListed(objects: readonly ApiObject[]): boolean | undefined {
    const { uid, name, address } = this.#identity
    if (uid !== undefined) return this.#kind.identify(objects, uid) !== undefined
    if (name === undefined && address === undefined) return undefined
    return this.#found(objects) !== undefined
  }

  /** Why `POD_UID` must be wrong, where a Pod with that UID or one with this Pod's name or address says so. */
  contradiction(objects: readonly ApiObject[]): string | undefined {
    const { uid, name, address } = this.#identity
    if (uid === undefined) return undefined
    const claimed = this.#kind.identify(objects, uid)
    if (claimed !== undefined) {
      const isName = name === undefined || claimed.name === undefined || claimed.name === name
      const isAddress =
        address === undefined || claimed.addresses.length === 0 || claimed.addresses.includes(address)
      if (isName && isAddress) return undefined
      if (!isName) return `it is the UID of the Pod "${claimed.name}", and POD_NAME is "${name}"`
    }
    const own = this.#found(objects)
    if (own === undefined || own === uid) return undefined
    const by = name === undefined ? `address, POD_IP "${address}"` : `name, POD_NAME "${name}"`
    return `the Pod of this ${by}, has the UID "${own}"`
  }

  /** Says which Pod it is, for a person. */
  toString(): string {
    const { uid, name, address } = this.#identity
    const parts = Object.entries({ POD_NAME: name, POD_IP: address, POD_UID: uid })
    return parts
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => `${key} "${value}"`)
      .join(', ')
  }

  #found(objects: readonly ApiObject[]): string | undefined {
    return this.#kind.own(objects, this.#identity.name, this.#identity.address)
  }
}
