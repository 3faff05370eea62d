import type { AddressCount } from './connections-per-address.ts'

/** What a connection was granted beside its streams. */
export interface ConnectionGrant {
  /** Tags by which `disconnect({ tag })` selects the connection. */
  tags: readonly string[]
  /** When the connection ends, in this Pod's time. */
  endsAt: number | undefined
  /** The client's address, where connections are counted by address. */
  address: AddressCount | undefined
}
