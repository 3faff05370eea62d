import { connect, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { endPods, PodProcess, type Runtime } from '../support/pod-process.ts'
import { until } from '../support/until.ts'

const script = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const RUNTIMES: readonly Runtime[] = ['node', 'bun', 'node']
const PORT = 8000
const INTERNAL_PORT = 7110
const RETRY_MS = 500
/** No heartbeat within a test: it would tell a Pod of clients that are gone. */
const HEARTBEAT_MS = 120_000
const DRAIN_MS = 500
/** A kernel that has room for a connection accepts it in less. */
const ACCEPT_MS = 500

export type Place = 0 | 1 | 2

/** Three Pods at the addresses that the proxies know; tests kill some. */
export class ProxiedFleet {
  readonly #prefix: string
  readonly #pods: (PodProcess | undefined)[] = []
  readonly #sockets: Socket[] = []

  private constructor(prefix: string) {
    this.#prefix = prefix
  }

  /** Starts the Pods at `prefix` and 1 to 3; resolves when each reaches the others. */
  static async start(prefix: string): Promise<ProxiedFleet> {
    const fleet = new ProxiedFleet(prefix)
    await Promise.all([fleet.restart(0), fleet.restart(1), fleet.restart(2)])
    return fleet
  }

  /** Sends through the Pod at `place`; resolves when every other living Pod has the event. */
  async send(place: Place, stream: string, msg: string): Promise<void> {
    await this.#pod(place).send(stream, msg)
  }

  async kill(place: Place): Promise<void> {
    await this.#pod(place).kill()
    this.#pods[place] = undefined
  }

  /** Stops the Pod at `place` as Kubernetes does; resolves when its process has ended. */
  async drain(place: Place): Promise<void> {
    await this.#pod(place).kill('SIGTERM')
    this.#pods[place] = undefined
  }

  /** Starts a Pod at `place`; resolves when it is a peer of the living ones. */
  async restart(place: Place): Promise<void> {
    const host = this.#host(place)
    const pod = await PodProcess.start({
      runtime: RUNTIMES[place] as Runtime,
      host,
      port: PORT,
      internalPort: INTERNAL_PORT,
      peers: ([0, 1, 2] as const).map((each) => `${this.#host(each)}:${INTERNAL_PORT}`),
      script: script('../fleet/custom-pod.ts'),
      env: {
        OPTIONS: JSON.stringify({ retryMs: RETRY_MS, heartbeatMs: HEARTBEAT_MS, drainTimeoutMs: DRAIN_MS }),
      },
    })
    this.#pods[place] = pod
    await until(`${pod} is ready`, async () => (await this.#internal(place, '/readyz')).ok)
  }

  /** Replaces the Pod at `place` by an address that neither accepts nor refuses, as when its node is gone. */
  async silence(place: Place): Promise<void> {
    await this.kill(place)
    const host = this.#host(place)
    const silent = await PodProcess.start({
      runtime: 'node',
      host,
      port: PORT,
      script: script('silent-pod.ts'),
    })
    silent.signal('SIGSTOP')
    while (await this.#isAccepted(host)) {
      // One more in the queue.
    }
  }

  /** Connections on `stream`, on all living Pods. */
  async connections(stream: string): Promise<number> {
    const counts = this.#pods.map(async (pod, place) => {
      if (pod === undefined) return 0
      const metrics = await (await this.#internal(place as Place, '/metrics?perStream=true')).text()
      return Number(metrics.match(`sser_stream_connections\\{stream="${stream}"\\} (\\d+)`)?.[1] ?? 0)
    })
    return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0)
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await endPods()
  }

  #host(place: Place): string {
    return `${this.#prefix}${place + 1}`
  }

  #pod(place: Place): PodProcess {
    const pod = this.#pods[place]
    if (pod === undefined) throw new Error(`No PodProcess runs at ${this.#host(place)}`)
    return pod
  }

  #internal(place: Place, path: string): Promise<Response> {
    return fetch(`http://${this.#host(place)}:${INTERNAL_PORT}${path}`)
  }

  #isAccepted(host: string): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect({ host, port: PORT })
      this.#sockets.push(socket)
      const timer = setTimeout(() => resolve(false), ACCEPT_MS)
      socket.on('error', () => resolve(false))
      socket.once('connect', () => {
        clearTimeout(timer)
        resolve(true)
      })
    })
  }
}
