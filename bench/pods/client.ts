import { type ClientRequest, get } from 'node:http'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { until } from '../../test/support/until.ts'
import { STREAM, textOf } from './event.ts'

/**
 * A client with little CPU during the measurement: it stores bytes with their times, and parses them at the end.
 */
export class StreamClient {
  readonly #chunks: { at: number; bytes: Buffer }[] = []
  #request: ClientRequest | undefined

  /** Resolves with the first bytes of the response: from then on the client receives every event. */
  static async open(url: string): Promise<StreamClient> {
    const client = new StreamClient()
    client.#request = get(`${url}/events?stream=${STREAM}`, (response) => {
      response.on('data', (bytes: Buffer) => client.#chunks.push({ at: performance.now(), bytes }))
    })
    client.#request.on('error', () => {})
    await until('the first block', () => client.#chunks.length > 0, 30_000)
    client.#chunks.length = 0
    return client
  }

  /** Resolves when `text` has arrived. */
  async sees(text: string, ms: number): Promise<number> {
    let looked = 0
    let at = Number.NaN
    const look = () => {
      for (; looked < this.#chunks.length; looked += 1) {
        const tail = Buffer.concat(
          this.#chunks.slice(Math.max(0, looked - 1), looked + 1).map((c) => c.bytes),
        )
        if (!tail.includes(`data: ${text}\n`)) continue
        at = this.#chunks[looked]?.at as number
        return true
      }
      return false
    }
    await until(`the client of ${text.slice(0, 12)}`, look, ms)
    return at
  }

  /** Returns the arrival times of the events 0 to `count`; throws unless each arrived exactly once, in order. */
  arrivals(count: number, bytes: number): number[] {
    const times: number[] = []
    let now = 0
    const parser = createParser({
      onEvent: ({ event, data }: EventSourceMessage) => {
        if (event?.startsWith('sser-')) return
        const i = times.length
        if (event !== undefined || data !== textOf(i, bytes))
          throw new Error(`Event ${i} came as ${event} ${data.slice(0, 40)}`)
        times.push(now)
      },
      onError: (error) => {
        throw error
      },
    })
    const decoder = new TextDecoder()
    for (const chunk of this.#chunks) {
      now = chunk.at
      parser.feed(decoder.decode(chunk.bytes, { stream: true }))
    }
    if (times.length !== count) throw new Error(`${times.length} of ${count} events came`)
    return times
  }

  close(): void {
    this.#request?.destroy()
  }
}
