import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Api, ApiObject } from './api.ts'
import type { Target as Destination } from './forwarder.ts'
import { Mirror } from './mirror.ts'

interface EndpointSlice extends ApiObject {
  ports: { name?: string; port: number }[] | null
  endpoints: Endpoint[] | null
}

interface Endpoint {
  addresses: string[]
  conditions: { ready?: boolean; serving?: boolean }
  targetRef?: { name: string }
}

/** A Pod at one of its addresses. */
interface Target {
  name: string
  host: string
  port: number
  isReady: boolean
  isServing: boolean
}

/**
 * What a Service is to clients outside: a TCP address whose new connections go to one ready Pod after another.
 * A connection stays where it is, also when its Pod is no longer ready; where none is ready it is refused.
 */
export class Balancer {
  readonly url: string
  readonly #forwarder: Worker
  readonly #portName: string
  #slices: Mirror<EndpointSlice> | undefined

  private constructor(forwarder: Worker, port: number, portName: string) {
    this.url = `http://127.0.0.1:${port}`
    this.#forwarder = forwarder
    this.#portName = portName
  }

  static async of(api: Api, namespace: string, service: string, portName: string): Promise<Balancer> {
    const forwarder = new Worker(new URL('./forwarder.ts', import.meta.url), { execArgv: [] })
    const [port] = (await once(forwarder, 'message')) as [number]
    const balancer = new Balancer(forwarder, port, portName)
    const selector = `labelSelector=kubernetes.io/service-name%3D${service}`
    const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices?${selector}`
    balancer.#slices = await Mirror.of<EndpointSlice>(api, path, () => balancer.#tell())
    balancer.#tell()
    return balancer
  }

  /** The names of the Pods that get new connections. */
  get ready(): string[] {
    return this.#targets().map(({ name }) => name)
  }

  async stop(): Promise<void> {
    this.#slices?.stop()
    await this.#forwarder.terminate()
  }

  #tell(): void {
    const destinations: Destination[] = this.#targets().map(({ host, port }) => ({ host, port }))
    this.#forwarder.postMessage(destinations)
  }

  /** Those that are ready; should all of them be terminating, those that still serve. */
  #targets(): Target[] {
    const all = [...(this.#slices?.objects.values() ?? [])].flatMap((slice) => this.#targetsIn(slice))
    const ready = all.filter(({ isReady }) => isReady)
    const chosen = ready.length > 0 ? ready : all.filter(({ isServing }) => isServing)
    // A dual-stack Pod is in a slice of each family; it takes one turn.
    return [...new Map(chosen.map((target) => [target.name, target])).values()]
  }

  #targetsIn({ ports, endpoints }: EndpointSlice): Target[] {
    const port = ports?.find(({ name }) => name === this.#portName)?.port
    if (port === undefined) return []
    return (endpoints ?? []).map(({ addresses, conditions, targetRef }) => ({
      name: targetRef?.name ?? '',
      host: addresses[0] ?? '',
      port,
      isReady: conditions.ready ?? true,
      isServing: conditions.serving ?? true,
    }))
  }
}
