import { fileURLToPath } from 'node:url'
import { TcpServer } from '../fleet/proxy.ts'
import { acquainted, type PodProcess, type Runtime, startFleet } from '../support/pod-process.ts'

const PREFIX = '127.5.3.'
const NAME = 'answer'
const RUNTIMES: readonly Runtime[] = ['node', 'bun', 'node']
const script = fileURLToPath(new URL('../fleet/run-pod.ts', import.meta.url))
const env = { OPTIONS: JSON.stringify({ retryMs: 200, heartbeatMs: 1_000 }) }

/** Three Pods, of which one writes a run, behind an edge that leads every client to the same one. */
export class RunFleet {
  /** The chunks so far. */
  readonly chunks: string[] = []
  readonly #pods: PodProcess[]
  #edge: TcpServer | undefined
  #target = 0

  private constructor(pods: PodProcess[]) {
    this.#pods = pods
  }

  static async start(): Promise<RunFleet> {
    const pods = await startFleet(RUNTIMES, `${PREFIX}1`, { script, env })
    await acquainted(pods)
    const fleet = new RunFleet(pods)
    const target = () => ({ host: (fleet.#pods[fleet.#target] as PodProcess).options.host, port: 8110 })
    fleet.#edge = await TcpServer.proxy(`${PREFIX}9`, 8110, target)
    await fleet.#producer.post(`/start/${NAME}`, {})
    return fleet
  }

  get url(): string {
    return `http://${PREFIX}9:8110/events?run=${NAME}`
  }

  async write(count: number): Promise<void> {
    const from = this.chunks.length
    // JSON with characters that take two, three and four bytes.
    const chunks = Array.from({ length: count }, (_, i) =>
      JSON.stringify({ n: from + i, text: 'zwölf 漢字 😀' }),
    )
    this.chunks.push(...chunks)
    await this.#producer.post(`/write/${NAME}`, chunks)
  }

  /** Cuts every connection; the clients come back to the next Pod. */
  move(): void {
    this.#target = (this.#target + 1) % this.#pods.length
    for (const socket of this.#edge?.sockets ?? []) socket.destroy()
  }

  async end(): Promise<void> {
    await this.#producer.post(`/end/${NAME}`, {})
  }

  async close(): Promise<void> {
    await this.#edge?.cut()
  }

  get #producer(): PodProcess {
    return this.#pods[2] as PodProcess
  }
}
