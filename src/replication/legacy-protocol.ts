import type { Target } from '../discovery/peer-finder.ts'

/** Protocol for a peer that responds to v2 with 404. It has a cursor of its own over this Pod's events. */
export interface LegacyProtocol {
  /** True if the next request uses this protocol. */
  readonly isActive: boolean
  /** Seq up to which this Pod's own events need no further request. */
  readonly ackedSeq: number
  /** Begins at `ackedSeq` or at its own cursor, whichever is later. */
  begin(ackedSeq: number): void
  /** Lets the next request use v2 again. */
  end(): void
  /** Sends the next event. */
  sendNext(target: Target, signal: AbortSignal): Promise<void>
}
