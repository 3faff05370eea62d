import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:net'

const HOST = '127.0.0.1'
/** Time for a graceful stop, in milliseconds. */
const STOP_MS = 3_000
/** Time after which a killed Pod is started again, in milliseconds, as a kubelet does. */
const RESTART_MS = 1_000

/** A Pod as a child process, which is started again after a kill. */
export interface Pod {
  number: number
  state: 'starting' | 'running' | 'killed'
  /** Its public port, while it runs. */
  port: number | undefined
}

/** The Pods. */
export class Fleet {
  readonly pods: readonly Pod[]
  readonly #children = new Map<number, ChildProcess>()
  readonly #env: Record<string, string>
  readonly #internalPorts: readonly number[]
  #isStopped = false

  static async start(count: number): Promise<Fleet> {
    const fleet = new Fleet(await freePorts(count))
    await Promise.all(fleet.pods.map((pod) => fleet.#startPod(pod)))
    return fleet
  }

  private constructor(internalPorts: readonly number[]) {
    this.#internalPorts = internalPorts
    this.pods = internalPorts.map((_, i) => ({ number: i + 1, state: 'starting', port: undefined }))
    this.#env = {
      PEERS: internalPorts.map((port) => `${HOST}:${port}`).join(','),
      PEER_SECRET: randomBytes(32).toString('base64url'),
    }
  }

  /** Resolves when the Pod serves. */
  #startPod(pod: Pod): Promise<void> {
    const { number } = pod
    const child = fork(new URL('./pod.ts', import.meta.url), {
      env: {
        ...process.env,
        ...this.#env,
        POD: `${number}`,
        INTERNAL_PORT: `${this.#internalPorts[number - 1]}`,
      },
    })
    this.#children.set(number, child)
    Object.assign(pod, { state: 'starting', port: undefined })
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    child.once('message', (port) => {
      Object.assign(pod, { state: 'running', port })
      resolve()
    })
    child.once('exit', (code) => {
      this.#children.delete(number)
      Object.assign(pod, { state: 'killed', port: undefined })
      reject(new Error(`Pod ${number} ended with code ${code}`))
      const restart = () => this.#isStopped || this.#startPod(pod).catch(console.error)
      if (!this.#isStopped) setTimeout(restart, RESTART_MS)
    })
    return promise
  }

  /** Ends a Pod without a warning, as when a machine fails. */
  kill(number: number): void {
    this.#children.get(number)?.kill('SIGKILL')
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    const ended = [...this.#children.values()].map((child) => {
      const exit = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
      return exit.then(() => clearTimeout(timer))
    })
    await Promise.all(ended)
  }
}

/** Ports that are free now; each Pod must know the internal ports of all. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(0, HOST, resolve))
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
