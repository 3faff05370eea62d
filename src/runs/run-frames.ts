import { Chunk } from '../delivery/chunk.ts'
import { formatChunkId, type RunId } from '../wire/runs.ts'
import { block, eventFrame } from '../wire/sse-frame.ts'
import type { ReaderEndState, RunReader, RunSlice } from './run-reader.ts'

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

type Chunks = Extract<RunSlice, { type: 'chunks' }>

/** The frames of one slice. */
interface Latest {
  id: RunId
  from: number
  count: number
  text: string
  /** Set once a connection has asked for it. */
  chunk: Chunk | undefined
}

/**
 * Frames of chunks. Readers of one run that are caught up read the same slice one after another, so its frames are kept until
 * the next slice: each chunk is formatted once, and encoded once where several connections receive it.
 */
export class RunFrames {
  #latest: Latest = { id: '', from: 0, count: 0, text: '', chunk: undefined }

  /** The frames of a slice that `reader` has read. */
  textOf({ id, check }: RunReader, { from, chunks }: Chunks): string {
    const latest = this.#latest
    if (latest.id === id && latest.from === from && latest.count === chunks.length) return latest.text
    let text = ''
    for (const [i, msg] of chunks.entries()) text += eventFrame({ id: formatChunkId(from + i, check), msg })
    this.#latest = { id, from, count: chunks.length, text, chunk: undefined }
    return text
  }

  /** The text as a chunk, which the connections share that get exactly this text; undefined where it is not the latest one. */
  chunkOf(text: string): Chunk | undefined {
    const latest = this.#latest
    if (text !== latest.text) return undefined
    if (latest.chunk === undefined) latest.chunk = new Chunk(text, latest.count, undefined)
    else latest.chunk.encoded()
    return latest.chunk
  }
}
