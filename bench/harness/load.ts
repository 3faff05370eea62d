// Connections to one server, and events sent through it; the clients verify every event.
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { within } from '../../test/support/until.ts'
import type { Answer, Order } from './load-client.ts'
import { message } from './message.ts'
import type { ServerProcess } from './server-process.ts'

const CLIENT = fileURLToPath(new URL('load-client.ts', import.meta.url))
/**
 * Connections of one process: few processes, to leave the server a core, each far below its limit of file descriptors.
 */
const PER_PROCESS = 10_000
const OPEN_MS = 120_000
/** Wait for a surplus event after the last one, in milliseconds. */
const LATE_MS = 50

export interface LoadOptions {
  connections: number
  /** Size of a message, in bytes. Default: 100. */
  bytes?: number
  /** Events that are sent in one turn. Default: 1. */
  burst?: number
  /** Number of streams over which the connections are spread; each stream gets every event. Default: 1. */
  streams?: number
  /** Streams of the connection `i`, which must receive every event. Default: one of the {@link streams}. */
  streamsOf?: (i: number) => readonly string[]
  /** Limit of the time in which an event must reach all connections, in milliseconds. */
  patienceMs: number
}

export class Load {
  readonly #server: ServerProcess
  readonly #options: LoadOptions & Required<Pick<LoadOptions, 'bytes' | 'burst' | 'streams'>>
  readonly #clients: LoadClient[] = []
  #sent = 0

  private constructor(server: ServerProcess, options: LoadOptions) {
    this.#server = server
    this.#options = { bytes: 100, burst: 1, streams: 1, ...options }
  }

  /** Resolves when every connection has the head of its response. */
  static async open(server: ServerProcess, options: LoadOptions): Promise<Load> {
    const load = new Load(server, options)
    const { connections, bytes, burst, streams } = load.#options
    const { streamsOf = (i) => [streamName(i % streams, streams)] } = options
    const paths = Array.from({ length: connections }, (_, i) => {
      const query = new URLSearchParams(streamsOf(i).map((name) => ['stream', name]))
      return `/events?${query}`
    })
    try {
      for (let i = 0; i < connections; i += PER_PROCESS) {
        const client = new LoadClient()
        load.#clients.push(client)
        const from = `127.0.1.${1 + (addressesUsed++ % 250)}`
        const order = { do: 'open', port: server.port, bytes, from, step: burst } as const
        await client.ask({ ...order, paths: paths.slice(i, i + PER_PROCESS) }, OPEN_MS)
      }
      return load
    } catch (error) {
      await load.end()
      throw named(server, error)
    }
  }

  /** Sends `events` events; each burst waits until all connections have the previous one. */
  async send(events: number): Promise<void> {
    const { bytes, burst, streams, patienceMs } = this.#options
    const query = streams === 1 ? 'stream=bench' : `stream=bench&streams=${streams}`
    try {
      for (let i = 0; i < events; i += burst) {
        const messages = Array.from({ length: burst }, (_, j) => message(this.#sent + 1 + j, bytes))
        this.#sent += burst
        const arrived = this.#clients.map((client) => client.reaches(this.#sent, patienceMs))
        await Promise.all([this.#server.send(query, messages), ...arrived])
      }
    } catch (error) {
      throw named(this.#server, error)
    }
  }

  /** Ends the connections; throws unless each received exactly the sent messages. */
  async close(): Promise<void> {
    try {
      await new Promise((resolve) => setTimeout(resolve, LATE_MS))
      for (const client of this.#clients) await client.ask({ do: 'check', due: this.#sent })
      for (const client of this.#clients) await client.ask({ do: 'close' })
    } catch (error) {
      throw named(this.#server, error)
    } finally {
      await this.end()
    }
  }

  /** Ends the connections without checking the received events. */
  async end(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.end()))
  }
}

/** Name of the stream `i` of `streams` streams. */
function streamName(i: number, streams: number): string {
  return streams === 1 ? 'bench' : `bench-${i}`
}

/**
 * Number of used local addresses. Each process of a load gets the next one, because the previous run may still hold
 * ports.
 */
let addressesUsed = 0

function named(server: ServerProcess, cause: unknown): Error {
  return new Error(`${server.name}: ${(cause as Error).message}`, { cause })
}

/** One process of the load. */
class LoadClient {
  readonly #child: ChildProcess = fork(CLIENT, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  readonly #ended = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()))
  readonly #waiting: { resolve(): void; reject(error: Error): void }[] = []
  #fault: Error | undefined

  constructor() {
    this.#child.on('message', (answer: Answer) => {
      if ('fault' in answer) this.#fail(new Error(answer.fault))
      else this.#waiting.shift()?.resolve()
    })
    this.#child.once('exit', () => this.#fail(new Error('a process of the load ended')))
  }

  /** Sends a command; resolves when the process has executed it. */
  async ask(order: Order, ms = 60_000): Promise<void> {
    const answered = this.#answer()
    this.#child.send(order)
    await within(`the load does “${order.do}”`, answered, ms)
  }

  /** Resolves when every connection has `due` events. */
  async reaches(due: number, ms: number): Promise<void> {
    try {
      await within(`all have event ${due}`, this.#answer(), ms)
    } catch (error) {
      // After a timeout, asks for the first connection with a missing event.
      if (this.#fault === undefined) this.#child.send({ do: 'check', due } satisfies Order)
      await within('the load reports the lost messages', this.#answer(), 2_000)
      throw error
    }
  }

  async end(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect()
    await this.#ended
  }

  #answer(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#fault !== undefined) reject(this.#fault)
      else this.#waiting.push({ resolve, reject })
    })
  }

  #fail(error: Error): void {
    this.#fault ??= error
    for (const { reject } of this.#waiting.splice(0)) reject(this.#fault)
  }
}
