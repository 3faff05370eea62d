import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { Api, ApiObject } from './api.ts'
import { Mirror } from './mirror.ts'

/** Until a node that is lost is known to be, connections go to its Pods, too. Envoy waits as long by default. */
const CONNECT_MS = 5_000

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
  readonly #server: Server
  readonly #portName: string
  readonly #sockets = new Set<Socket>()
  #slices: Mirror<EndpointSlice> | undefined
  #turn = 0

  private constructor(portName: string) {
    this.#portName = portName
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket))
  }

  static async of(api: Api, namespace: string, service: string, portName: string): Promise<Balancer> {
    const balancer = new Balancer(portName)
    const selector = `labelSelector=kubernetes.io/service-name%3D${service}`
    const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices?${selector}`
    balancer.#slices = await Mirror.of<EndpointSlice>(api, path)
    await new Promise<void>((resolve) => balancer.#server.listen(0, '127.0.0.1', resolve))
    return balancer
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** The names of the Pods that get new connections. */
  get ready(): string[] {
    return this.#targets().map(({ name }) => name)
  }

  async stop(): Promise<void> {
    this.#slices?.stop()
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #accept(socket: Socket): void {
    this.#keep(socket)
    const target = this.#next()
    if (target === undefined) {
      socket.resetAndDestroy()
      return
    }
    const { host, port } = target
    const onward = connect({ host, port, noDelay: true })
    this.#keep(onward)
    onward.setTimeout(CONNECT_MS, () => onward.destroy(new Error('No answer')))
    onward.once('connect', () => onward.setTimeout(0))
    socket.on('close', () => onward.destroy())
    // As far as clients see, a Pod that dies resets its connections.
    onward.on('close', (hadError) => (hadError ? socket.resetAndDestroy() : socket.destroySoon()))
    socket.pipe(onward).pipe(socket)
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket))
  }

  #next(): Target | undefined {
    const targets = this.#targets()
    this.#turn += 1
    return targets[this.#turn % targets.length]
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
