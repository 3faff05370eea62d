// A measured server: its process, its cost so far, and the requests that send events through it.
import { type ChildProcess, spawn } from 'node:child_process'
import { Agent, request } from 'node:http'
import { type AddressInfo, connect, createServer } from 'node:net'
import { createInterface, type Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { until, within } from '../../test/support/until.ts'
import type { BenchServer } from './bench-server.ts'
import { type CpuReading, cpu, family, rss } from './process-cost.ts'

const START_MS = 240_000
const HOST = fileURLToPath(new URL('host.ts', import.meta.url))
const BUN = fileURLToPath(new URL('../../node_modules/.bin/bun', import.meta.url))

/** A server and the file that describes it. */
export interface Described {
  file: string
  server: BenchServer
  /** Further environment variables of its process. */
  env?: Readonly<Record<string, string>>
}

export class ServerProcess {
  readonly name: string
  readonly port: number
  readonly #child: ChildProcess
  readonly #lines: Interface
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })
  #pids: number[] = []
  #stderr = ''

  private constructor({ file, server, env }: Described, port: number, options: object) {
    this.name = server.name
    this.port = port
    const command = server.runtime === 'bun' ? BUN : process.execPath
    this.#child = spawn(command, [HOST, file, String(port), JSON.stringify(options)], {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    running.add(this.#child)
    this.#child.once('close', () => running.delete(this.#child))
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString()
    })
    this.#child.stdin?.on('error', () => {})
    this.#lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream })
  }

  /** Resolves when the server accepts connections. */
  static async start(described: Described, options: object = {}): Promise<ServerProcess> {
    const server = new ServerProcess(described, await freePort(), options)
    try {
      const { pids } = (await server.#hear('it starts')) as { pids: number[] }
      await until(`${server.name} accepts connections`, () => accepts(server.port), START_MS)
      server.#pids = pids
      return server
    } catch (error) {
      await server.stop()
      throw new Error(`${server.name} did not start: ${server.#stderr}`, { cause: error })
    }
  }

  /** CPU time of its processes so far, or since `before`. */
  cpu(before?: CpuReading): CpuReading {
    return cpu(family(this.#pids), before)
  }

  /** Resident memory of its processes, in bytes. */
  get rss(): number {
    return rss(family(this.#pids))
  }

  /** Starts recording the longest stall of its event loop. */
  async watchStalls(): Promise<void> {
    this.#child.stdin?.write('watch\n')
    await this.#hear('it watches its event loop')
  }

  /** Longest stall since {@link watchStalls}, in milliseconds. */
  async longestStall(): Promise<number> {
    this.#child.stdin?.write('stall\n')
    return ((await this.#hear('it knows its longest stall')) as { stallMs: number }).stallMs
  }

  /** Posts messages that the server sends in one turn of its event loop. */
  send(query: string, messages: readonly Buffer[]): Promise<void> {
    const body = Buffer.concat(messages.flatMap((each, i) => (i === 0 ? [each] : [LF, each])))
    return new Promise((resolve, reject) => {
      const sending = request(
        { port: this.port, agent: this.#agent, method: 'POST', path: `/send?${query}` },
        (response) => {
          const { statusCode = 0 } = response
          response.resume().once('end', () => {
            if (statusCode < 300) resolve()
            else reject(new Error(`${this.name} answered POST /send with ${statusCode}`))
          })
        },
      )
      sending.once('error', (cause) => reject(new Error(`${this.name}: POST /send failed`, { cause })))
      sending.setHeader('content-length', body.length)
      sending.end(body)
    })
  }

  /** Ends the process; resolves when it has exited. */
  async stop(): Promise<void> {
    this.#agent.destroy()
    if (!running.has(this.#child)) return
    const closed = new Promise((resolve) => this.#child.once('close', resolve))
    this.#child.stdin?.end()
    try {
      await within(`${this.name} ends`, closed, 5_000)
    } catch {
      this.#child.kill('SIGKILL')
      await closed
    }
  }

  async #hear(what: string): Promise<unknown> {
    const ended = new Promise<never>((_, reject) => {
      this.#child.once('close', () => reject(new Error(`${this.name} ended: ${this.#stderr}`)))
    })
    ended.catch(() => {})
    const line = new Promise<string>((resolve) => this.#lines.once('line', resolve))
    return JSON.parse(await within(`${this.name}: ${what}`, Promise.race([line, ended]), START_MS))
  }
}

const LF = Buffer.from('\n')
const running = new Set<ChildProcess>()

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
