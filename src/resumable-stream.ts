import { SserError } from './errors.ts'
import type { Sser } from './sser.ts'

/** Options of {@link createResumableStreamContext}. */
export interface ResumableStreamOptions {
  /** The instance of this Pod; each stream is one of its runs. */
  sser: Sser
  /**
   * Prefix of the names of runs, with a colon after it.
   * @default none: the id of a stream is the name of its run, so that `sser.cancelRun(streamId)` stops it
   */
  keyPrefix?: string | undefined
  /** Called with a promise that settles at the end of each new stream, for platforms that suspend a function after its response. */
  waitUntil?: ((promise: Promise<unknown>) => void) | null | undefined
}

/** Makes the stream to store. Its signal aborts when any Pod cancels the run, or the run can no longer be written. */
export type MakeStream = (signal: AbortSignal) => ReadableStream<string>

/** The methods of the package `resumable-stream`, over runs. */
export interface ResumableStreamContext {
  /**
   * Stores the stream that `makeStream` returns, to its end, whether it is read or not. Resolves with a stream of the same
   * text. A stream of this id that has ended is replaced.
   * @throws SserError `run-exists` if a stream of this id is being written
   */
  createNewResumableStream(
    streamId: string,
    makeStream: MakeStream,
    skipCharacters?: number,
  ): Promise<ReadableStream<string>>
  /**
   * Reads a stream that is being written, on any Pod, from its start or after `skipCharacters` UTF-16 units. Resolves with
   * `null` if it has ended, and with `undefined` if no Pod knows it.
   */
  resumeExistingStream(
    streamId: string,
    skipCharacters?: number,
  ): Promise<ReadableStream<string> | null | undefined>
  /**
   * Reads the stream if it exists, and otherwise creates it. Resolves with `null` if it has ended. Where two Pods create it at
   * once, both call `makeStream`, the source of one is stopped, and its creator reads the other; where it has read some text
   * by then, its stream fails.
   */
  resumableStream(
    streamId: string,
    makeStream: MakeStream,
    skipCharacters?: number,
  ): Promise<ReadableStream<string> | null>
  /** Resolves with `true` while the stream is being written, `'DONE'` after its end, `null` if no Pod knows it. */
  hasExistingStream(streamId: string): Promise<null | true | 'DONE'>
}

/**
 * Creates the context of the package `resumable-stream` over the runs of this Pod, without Redis: every Pod can read a stream
 * that any Pod writes.
 *
 * @example
 * ```ts
 * const streamContext = createResumableStreamContext({ sser })
 * await streamContext.createNewResumableStream(streamId, () => stream)
 * ```
 */
export function createResumableStreamContext(options: ResumableStreamOptions): ResumableStreamContext {
  const { sser, keyPrefix, waitUntil } = options
  const nameOf = (streamId: string) => (keyPrefix === undefined ? streamId : `${keyPrefix}:${streamId}`)
  const read = (name: string, skipCharacters: number | undefined) => {
    const stream = sser.runStream(name)
    return skipCharacters === undefined || skipCharacters <= 0
      ? stream
      : stream.pipeThrough(skipping(skipCharacters))
  }
  const create = async (
    streamId: string,
    makeStream: MakeStream,
    skipCharacters: number | undefined,
    replace: boolean,
  ) => {
    const name = nameOf(streamId)
    const run = await sser.startRun(name, { from: deferred(makeStream), replace })
    waitUntil?.(run.closed)
    return read(name, skipCharacters)
  }
  const stateOf = async (streamId: string) => {
    const run = await sser.run(nameOf(streamId))
    if (run === undefined) return null
    return run.state === 'running' || run.state === 'interrupted' ? true : 'DONE'
  }
  const resume = async (streamId: string, skipCharacters?: number) => {
    const state = await stateOf(streamId)
    if (state === null) return undefined
    return state === true ? read(nameOf(streamId), skipCharacters) : null
  }

  return {
    createNewResumableStream: (streamId, makeStream, skipCharacters) =>
      create(streamId, makeStream, skipCharacters, true),
    resumeExistingStream: resume,
    async resumableStream(streamId, makeStream, skipCharacters) {
      // Asks the other Pods: the stream may have begun a moment ago.
      const stream = await resume(streamId, skipCharacters)
      if (stream !== undefined) return stream
      try {
        return await create(streamId, makeStream, skipCharacters, false)
      } catch (error) {
        if (!(error instanceof SserError) || error.code !== 'run-exists') throw error
        return (await resume(streamId, skipCharacters)) ?? null
      }
    },
    hasExistingStream: stateOf,
  }
}

/** Makes the stream with the first read, because a run that exists already must not make it. */
function deferred(makeStream: MakeStream): ReadableStream<string> {
  const stopped = new AbortController()
  let reader: ReadableStreamDefaultReader<string> | undefined
  return new ReadableStream<string>(
    {
      async pull(controller) {
        reader ??= makeStream(stopped.signal).getReader()
        const { done, value } = await reader.read()
        if (done) controller.close()
        else controller.enqueue(value)
      },
      cancel(reason) {
        stopped.abort(reason)
        return reader?.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
}

function skipping(count: number): TransformStream<string, string> {
  let left = count
  return new TransformStream({
    transform(text, controller) {
      const rest = text.slice(left)
      left -= text.length - rest.length
      if (rest !== '') controller.enqueue(rest)
    },
  })
}
