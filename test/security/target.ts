import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { Agent, request } from 'undici'
import { afterAll, beforeAll, expect } from 'vitest'
import type { PeerStatus } from '../../src/index.ts'
import { busyMs } from '../support/cpu-time.ts'
import { PodProcess, type Runtime } from '../support/pod-process.ts'
import { RawClient, type Received, StreamClient } from '../support/stream-client.ts'
import { until } from '../support/until.ts'

const SCRIPT = fileURLToPath(new URL('./pod.ts', import.meta.url))
/** Maximum delay of a probe's event that the Pod causes: without the longest turn of the probe's own process. */
const MAX_DELAY_MS = 1_000
/** Heap that an attack may leave behind: code and caches that were used for the first time. */
const MAX_GROWN_BYTES = 16 * 1_048_576
/** File descriptors that come and go without any attack. */
const SPARE_FILES = 4
/** Time limit until the resources that an attack took are released. */
const BACK_MS = 20_000

interface State {
  connections: number
  peers: PeerStatus[]
  position: string
  isReady: boolean
  /** How often each error was reported, by its code. */
  errors: Record<string, number>
  heapBytes: number
}

export interface VictimOptions {
  settings?: object
  peers?: readonly string[]
  mostDelayMs?: number
  mostGrownBytes?: number
  mostBackMs?: number
}

/** A Pod that is attacked, with a client, the probe, that listens meanwhile. */
export class Target {
  readonly #runtime: Runtime
  readonly #host: string
  readonly #options: VictimOptions
  readonly #agent = new Agent({ connections: 4 })
  #pod: PodProcess | undefined

  private constructor(runtime: Runtime, host: string, options: VictimOptions) {
    this.#runtime = runtime
    this.#host = host
    this.#options = options
  }

  /** One for all tests of a `describe`, on an address of its own. */
  static forAll(runtime: Runtime, host: string, options: VictimOptions = {}): Target {
    const target = new Target(runtime, host, options)
    beforeAll(() => target.#start())
    afterAll(() => target.#stop())
    return target
  }

  /** Where clients connect. */
  get url(): string {
    return `http://${this.#host}:8110`
  }

  /** The stream of its probe. */
  get stream(): string {
    return `probe of ${this.#host}`
  }

  /** Where peers connect. */
  get internalUrl(): string {
    return `http://${this.#host}:7110`
  }

  /**
   * Attacks, and expects that a probe misses no event and does not wait, and that the Pod holds no more resources
   * afterwards than before. `gaps`: the number of gaps because a peer claims events that the Pod lacks.
   */
  async endures(attack: () => Promise<unknown>, { gaps = 0 } = {}): Promise<void> {
    const probe = await StreamClient.open(this.url, this.stream)
    // The attack runs in this process too: while it does, the probe's events wait here.
    const ownDelay = monitorEventLoopDelay()
    try {
      const count = () => probe.received.length
      await until('the probe gets events', () => count() > 2)
      ownDelay.enable()
      const before = { ...(await this.state()), files: this.#files() }
      await attack()
      const seen = count()
      await until('the probe gets events afterwards', () => count() > seen + 5)
      const numbers = probe.messages.map((msg) => Number.parseInt(msg, 10))
      expect(numbers).toEqual(Array.from(numbers, (_, i) => (numbers[0] ?? 0) + i))
      expect(probe.gaps).toHaveLength(gaps)
      const ownMs = ownDelay.max / 1e6
      const waits = waitsOf(probe.received).map(({ wallMs, cpuMs }) => Math.min(wallMs - ownMs, cpuMs))
      const maxMs = this.#options.mostDelayMs ?? MAX_DELAY_MS
      expect(Math.max(...waits), 'ms that the probe waits for the Pod').toBeLessThan(maxMs)
      await this.#isBack(before)
    } finally {
      ownDelay.disable()
      probe.close()
    }
  }

  async state(): Promise<State> {
    return (await (await this.#ask('GET', '/state')).body.json()) as State
  }

  /** Sends as an application would; returns the status, and the code of the thrown error. */
  async send(
    query: Record<string, string>,
    msg: string,
  ): Promise<{ status: number; code: string | undefined }> {
    const { statusCode, body } = await this.#ask('POST', `/send?${new URLSearchParams(query)}`, msg)
    return { status: statusCode, code: ((await body.json()) as { code?: string }).code }
  }

  /** Posts to the internal port. */
  async post(path: string, body: string | Buffer, more: Record<string, string> = {}): Promise<number> {
    const headers = { 'content-type': 'application/json', ...more }
    const url = `${this.internalUrl}${path}`
    const answer = await request(url, { method: 'POST', body, headers, dispatcher: this.#agent })
    await answer.body.dump()
    return answer.statusCode
  }

  /** Moves the Pod's clock. */
  async setClock(byMs: number): Promise<void> {
    await (await this.#ask('POST', `/clock?ms=${byMs}`)).body.dump()
  }

  async #ask(method: 'GET' | 'POST', path: string, body?: string) {
    return request(this.url + path, { method, dispatcher: this.#agent, ...(body !== undefined && { body }) })
  }

  async #isBack(before: State & { files: number }): Promise<void> {
    let now = ''
    const isBack = async () => {
      const { connections, heapBytes } = await this.state()
      const files = this.#files()
      const grown = heapBytes - before.heapBytes
      now = `${connections} connections, ${files} files, ${grown} bytes more`
      return (
        connections === before.connections &&
        files <= before.files + SPARE_FILES &&
        grown < (this.#options.mostGrownBytes ?? MAX_GROWN_BYTES)
      )
    }
    await until('all is back', isBack, this.#options.mostBackMs ?? BACK_MS).catch((cause) => {
      const was = `${before.connections} connections, ${before.files} files`
      throw new Error(`Before: ${was}; after: ${now}`, { cause })
    })
  }

  /** Of the Pod's process, where the system tells. */
  #files(): number {
    const dir = `/proc/${this.#pod?.process.pid}/fd`
    return existsSync(dir) ? readdirSync(dir).length : 0
  }

  /** The most memory that the Pod's process ever had, in bytes; undefined where the system does not tell. */
  get peakBytes(): number | undefined {
    const file = `/proc/${this.#pod?.process.pid}/status`
    if (!existsSync(file)) return undefined
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(file, 'utf8'))?.[1]) * 1_024
  }

  /** @see busyMs */
  busyMs(work: () => Promise<unknown>): Promise<number> {
    return busyMs(this.#pod, work)
  }

  async #start(): Promise<void> {
    const { settings = {}, peers = [] } = this.#options
    this.#pod = await PodProcess.start({
      runtime: this.#runtime,
      host: this.#host,
      script: SCRIPT,
      args: this.#runtime === 'node' ? ['--expose-gc'] : [],
      peers,
      env: { OPTIONS: JSON.stringify(settings) },
    })
  }

  async #stop(): Promise<void> {
    await this.#agent.destroy()
    await this.#pod?.kill()
  }
}

/**
 * How long each event of the probe was under way, and how much CPU time the Pod took meanwhile, which a busy machine does
 * not change. The Pod and this process are on one machine, and have one clock.
 */
function waitsOf(received: readonly Received[]): { wallMs: number; cpuMs: number }[] {
  const events = received.map(({ msg, at }) => {
    const [, sentAt = 0, cpuMs = 0] = msg.split(' ').map(Number)
    return { sentAt, cpuMs, at: performance.timeOrigin + at }
  })
  return events.flatMap(({ sentAt, cpuMs, at }) => {
    const later = events.find((other) => other.sentAt >= at)
    return later === undefined ? [] : [{ wallMs: at - sentAt, cpuMs: later.cpuMs - cpuMs }]
  })
}

/** Status of the answer to bytes that no HTTP client would send; undefined if the connection is closed instead. */
export async function statusOf(url: string, bytes: string | Buffer): Promise<number | undefined> {
  const raw = await RawClient.open(url)
  try {
    raw.socket.write(bytes)
    const text = await raw.holds('a status line', (text) => /^HTTP\/1\.[01] \d{3} /.test(text))
    return Number(text.slice(9, 12))
  } catch (error) {
    if (raw.isClosed) return undefined
    throw error
  } finally {
    raw.socket.destroy()
  }
}
