import { type ClientRequest, get } from 'node:http'
import { createParser } from 'eventsource-parser'
import { now } from './plan.ts'

/** A reader of one run. It stores bytes with their times, and parses them at the end. */
export class RunBytes {
  readonly #chunks: { at: number; bytes: Buffer }[] = []
  readonly #ended: Promise<void>
  readonly #request: ClientRequest

  /** Resolves when the response has begun. */
  static async open(url: string): Promise<RunBytes> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const reader = new RunBytes(url, resolve, reject)
    await promise
    return reader
  }

  private constructor(url: string, onOpen: () => void, onError: (error: Error) => void) {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#ended = promise
    this.#request = get(url, { agent: false }, (response) => {
      if (response.statusCode !== 200) onError(new Error(`${url}: ${response.statusCode}`))
      response.on('data', (bytes: Buffer) => this.#chunks.push({ at: now(), bytes }))
      response.once('end', resolve)
      onOpen()
    })
    this.#request.once('error', onError)
  }

  /** Resolves at the end of the response. */
  get ended(): Promise<void> {
    return this.#ended
  }

  /** The time at which each chunk arrived; throws unless these arrived, each once and in order. */
  arrivals(expected: readonly string[]): number[] {
    const times: number[] = []
    let at = 0
    const parser = createParser({
      onEvent: ({ data }) => {
        const i = times.length
        if (data !== expected[i]) throw new Error(`Chunk ${i} came as ${data.slice(0, 40)}`)
        times.push(at)
      },
    })
    const decoder = new TextDecoder()
    for (const chunk of this.#chunks) {
      at = chunk.at
      parser.feed(decoder.decode(chunk.bytes, { stream: true }))
    }
    if (times.length !== expected.length) throw new Error(`${times.length} of ${expected.length} chunks came`)
    return times
  }
}
