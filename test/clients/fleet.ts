import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { resolveOptions } from '../../src/options.ts'
import { TcpServer } from '../fleet/proxy.ts'
import { acquainted, PodProcess, type Runtime, startFleet } from '../support/pod-process.ts'
import { until } from '../support/until.ts'

const PREFIX = '127.0.77.'
const STREAM = 'orders'
const script = fileURLToPath(new URL('../fleet/custom-pod.ts', import.meta.url))
const env = {
  OPTIONS: JSON.stringify({ retryMs: 200, heartbeatMs: 1_000, drainTimeoutMs: 500, flushTimeoutMs: 3_000 }),
}
const RUNTIMES: readonly Runtime[] = ['node', 'bun', 'node']
const EVERY_MS = 20
/** Somewhere inside the longest messages. */
const MIDDLE = 'x'.repeat(2_000)
/** A message of the default limit, once in so many: libraries with a buffer of 64 KiB must take it. */
const LONGEST_EVERY = 40
const LONGEST = resolveOptions({}).maxMessageBytes

/** Three Pods behind an edge that leads every client to the same one, and a sender that never pauses. */
export class MovingFleet {
  /** Sent events that reached the fleet. */
  readonly sent: string[] = []
  readonly #pods: PodProcess[]
  #target = 0
  #leaving: number | undefined
  #isEnding = false
  /** The error that ended the sending. */
  #fault: unknown
  #sending: Promise<void> = Promise.resolve()
  #edge: TcpServer | undefined
  readonly #connections = new Set<Socket>()
  /** Part of a chunk that still reaches the client before its connection is cut. */
  #cut: (socket: Socket, chunk: Buffer) => Buffer | undefined = () => undefined

  private constructor(pods: PodProcess[]) {
    this.#pods = pods
  }

  static async start(): Promise<MovingFleet> {
    const pods = await startFleet(RUNTIMES, `${PREFIX}1`, { script, env })
    await acquainted(pods)
    const fleet = new MovingFleet(pods)
    fleet.#edge = await TcpServer.listen(`${PREFIX}9`, 8110, (socket) => fleet.#lead(socket))
    return fleet
  }

  get url(): string {
    // With a field that the standard does not know, which every library must ignore.
    return `http://${PREFIX}9:8110/events?stream=${STREAM}&label=field`
  }

  /** Sends without a pause until {@link end}. */
  send(): void {
    this.#sending = this.#send()
    this.#sending.catch((error: unknown) => {
      this.#fault = error
    })
  }

  /** The Pod that the clients are on goes, with `signal`; they come back to the next one. */
  async move(signal: NodeJS.Signals): Promise<void> {
    const leaving = this.#target
    this.#leaving = leaving
    const count = this.sent.length
    // An event is promised to survive its sender once its receipt has come.
    const goesOn = () => {
      if (this.#fault !== undefined) throw this.#fault
      return this.sent.length > count + 1
    }
    await until('another Pod sends', goesOn)
    this.#target = (leaving + 1) % this.#pods.length
    const pod = this.#pods[leaving] as PodProcess
    await pod.kill(signal)
    this.#pods[leaving] = await PodProcess.start(pod.options)
    this.#leaving = undefined
  }

  /** Cuts the connection of each of `count` clients inside an event, as a proxy does that is reloaded. */
  async cutInside(count: number): Promise<void> {
    const connections = new Set(this.#connections)
    let cuts = 0
    this.#cut = (socket, chunk) => {
      const middle = chunk.indexOf(MIDDLE)
      if (middle < 0 || !connections.delete(socket)) return undefined
      cuts += 1
      return chunk.subarray(0, middle + MIDDLE.length)
    }
    await until('every connection is cut', () => cuts >= count)
  }

  async end(): Promise<void> {
    this.#isEnding = true
    await this.#sending
    await this.#edge?.cut()
  }

  async #send(): Promise<void> {
    while (!this.#isEnding) {
      const n = this.sent.length
      const pods = this.#pods.filter((_, i) => i !== this.#leaving)
      const msg = messageOf(n)
      await (pods[n % pods.length] as PodProcess).send(STREAM, msg)
      this.sent.push(msg)
      await pause(EVERY_MS)
    }
  }

  #lead(socket: Socket): void {
    const { host } = (this.#pods[this.#target] as PodProcess).options
    const onward = connect({ host, port: 8110 })
    onward.on('error', () => socket.destroy()).on('close', () => socket.destroy())
    this.#connections.add(socket)
    socket.on('close', () => {
      this.#connections.delete(socket)
      onward.destroy()
    })
    socket.pipe(onward)
    onward.on('end', () => socket.end())
    onward.on('data', (chunk: Buffer) => {
      const part = this.#cut(socket, chunk)
      socket.write(part ?? chunk)
      if (part === undefined) return
      onward.removeAllListeners('close').removeAllListeners('data').destroy()
      socket.end()
    })
  }
}

/** JSON with characters that take two, three and four bytes, as applications send it. */
function messageOf(n: number): string {
  const text = JSON.stringify({ n, text: 'zwölf 漢字 😀', pad: '' })
  if (n % LONGEST_EVERY !== 0) return text
  const pad = 'x'.repeat(LONGEST - Buffer.byteLength(text))
  return JSON.stringify({ n, text: 'zwölf 漢字 😀', pad })
}
