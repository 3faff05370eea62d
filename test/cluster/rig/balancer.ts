import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Api, ApiObject } from './api.ts'
import type { Target as Destination } from './forwarder.ts'
import { Informer } from './informer.ts'

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
 * A Service of type LoadBalancer: a TCP address that forwards new connections to the ready Pods in turn. A connection
 * stays on its Pod even after the Pod is no longer ready. Without a ready or serving Pod, connections are reset.
 */
export class Balancer {
  readonly url: string
  readonly #forwarder: Worker
  readonly #portName: string
  #slices: Informer<EndpointSlice> | undefined

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
    balancer.#slices = await Informer.of<EndpointSlice>(api, path, () => balancer.#tell())
    balancer.#tell()
    return balancer
  }

  /** Names of the Pods that receive new connections. */
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

  /** The ready Pods; without one, the terminating Pods that still serve. */
  #targets(): Target[] {
    const all = [...(this.#slices?.objects.values() ?? [])].flatMap((slice) => this.#targetsIn(slice))
    const ready = all.filter(({ isReady }) => isReady)
    const chosen = ready.length > 0 ? ready : all.filter(({ isServing }) => isServing)
    // A dual-stack Pod is in a slice of each family, but gets one turn.
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
