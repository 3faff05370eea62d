// A client that stays connected throughout; measures the latency of its events.
import { connect, type Socket } from 'node:net'
import { within } from '../../test/support/until.ts'
import type { ServerProcess } from '../harness/server-process.ts'

const EVERY_MS = 10
const LATE_MS = 10_000

export class Probe {
  readonly #server: ServerProcess
  readonly #socket: Socket
  readonly #sentAt = new Map<number, number>()
  #latencies: number[] = []
  #sent = 0
  #text = ''
  #look = () => {}

  private constructor(server: ServerProcess, stream: string) {
    this.#server = server
    this.#socket = connect(server.port, '127.0.0.1')
    this.#socket.write(`GET /events?stream=${stream} HTTP/1.1\r\nHost: bench\r\n\r\n`)
    this.#socket.on('data', (chunk: Buffer) => this.#take(chunk.toString('latin1')))
  }

  /** Resolves with the first event or comment; its id, if any, is the server's position. */
  static async join(server: ServerProcess, stream: string): Promise<Probe & { id: string }> {
    const probe = new Probe(server, stream)
    const greeted = new Promise<void>((resolve) => {
      probe.#look = () => {
        if (/\n(data:|:)/.test(probe.#text)) resolve()
      }
    })
    await within(`${server.name} sends its first bytes`, greeted, LATE_MS)
    const id = /\nid: (\S+)/.exec(probe.#text)?.[1] ?? ''
    probe.#look = () => {}
    return Object.assign(probe, { id })
  }

  /** Sends an event every 10 ms until `meanwhile` settles; resolves with the latencies, in milliseconds. */
  async watch(meanwhile: Promise<unknown>): Promise<number[]> {
    this.#latencies = []
    const before = this.#sent
    const faults: unknown[] = []
    const timer = setInterval(() => {
      this.#sent += 1
      this.#sentAt.set(this.#sent, performance.now())
      const msg = Buffer.from(`<${this.#sent}|${'x'.repeat(80)}>`)
      this.#server.send('stream=bench', [msg]).catch((error) => faults.push(error))
    }, EVERY_MS)
    try {
      await meanwhile
    } finally {
      clearInterval(timer)
    }
    const due = this.#sent - before
    const arrived = new Promise<void>((resolve) => {
      this.#look = () => {
        if (this.#latencies.length >= due) resolve()
      }
      this.#look()
    })
    await within(`${this.#server.name}: all ${due} events arrive`, arrived, LATE_MS)
    if (faults.length > 0) throw faults[0]
    return this.#latencies
  }

  leave(): void {
    this.#socket.destroy()
  }

  #take(text: string): void {
    const now = performance.now()
    this.#text += text
    for (const [, k] of this.#text.matchAll(/data: <(\d+)\|x+>/g)) {
      const sentAt = this.#sentAt.get(Number(k))
      this.#sentAt.delete(Number(k))
      if (sentAt === undefined) throw new Error(`${this.#server.name}: event ${k} arrived twice`)
      this.#latencies.push(now - sentAt)
    }
    this.#look()
    const end = this.#text.lastIndexOf('>')
    if (end !== -1) this.#text = this.#text.slice(end + 1)
  }
}
