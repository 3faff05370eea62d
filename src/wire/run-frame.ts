/**
 * Blocks of a run's response that are no chunks. The id of the last one tells that its client knows the end, so that the
 * client's next request is answered 204, whether or not the run has chunks.
 */
import type { RunEndState } from './run-header.ts'
import { block } from './sse-frame.ts'

/** How a run ends for its readers; `lost`: its producer's Pod has gone, and no Pod has more of it. */
export type ReaderEndState = RunEndState | 'lost'

/** The id of a client that was told the end of a run. */
export interface EndId {
  /** Number of chunks before the end. */
  next: number
  /** Three characters that each id of the run's chunks ends with. */
  check: string
  /** True if the client was told that the run is lost, which another Pod may know better. */
  isLost: boolean
}

const END_ID = /^(0|[1-9a-z][0-9a-z]{0,9})\.([\w-]{3})\.(end|lost)$/

/** Formats the id of the last block: `1a.x7Q.end`. */
export function formatEndId({ next, check, isLost }: EndId): string {
  return `${next.toString(36)}.${check}.${isLost ? 'lost' : 'end'}`
}

/** Parses the id of the last block; undefined where the text is none. */
export function parseEndId(text: string): EndId | undefined {
  const [, digits, check, state] = END_ID.exec(text) ?? []
  if (digits === undefined || check === undefined) return undefined
  return { next: Number.parseInt(digits, 36), check, isLost: state === 'lost' }
}

/** Nothing arrives from the producer's Pod, which may return. */
export const INTERRUPTED_FRAME: string = block('sser-interrupted', '{}')

/** The producer's Pod is back. */
export const RESUMED_FRAME: string = block('sser-resumed', '{}')

/** The last block of a run's response. Without an id where clients receive the server's blocks as comments. */
export function runEndFrame(
  state: ReaderEndState,
  reason: string | undefined,
  id: string | undefined,
): string {
  return block('sser-end', JSON.stringify({ state, reason }), undefined, id)
}
