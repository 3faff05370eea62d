import { type Promises, promisesOf } from './version.ts'

/** An event that a Pod accepted. */
export interface Sent {
  msg: string
  stream: string
  /** Undefined: an event of a Go Pod. */
  epoch: string | undefined
  seq: number
  at: number
  key: string | undefined
}

/** Blocks that one client received. */
export class ClientRecord {
  readonly received = new Set<string>()
  readonly position = new Map<string, number>()
  /** Position of the last gap: the client was notified that it may lack events up to there. */
  coveredByGap = new Map<string, number>()
  /** Time of the last gap. */
  gapAt = -1
  /** Position of its Pod at the response of the open connection. */
  atConnect: ReadonlyMap<string, number> = new Map()
  readonly lastSeq = new Map<string, number>()
  /** Events of the open connection. */
  current = new Set<string>()
  isNew = true
  /** Promises of the Pod of the open connection. */
  promises: Promises = promisesOf('current')
  heardAt = 0
  /** Time of the first block of the open connection. */
  resumedAt = 0
  isWaiting = true
}

export function isCoveredByGap(record: ClientRecord, { epoch, seq }: Sent): boolean {
  return epoch !== undefined && seq <= (record.coveredByGap.get(epoch) ?? 0)
}
