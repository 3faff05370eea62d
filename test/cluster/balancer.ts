import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { Api, ApiObject } from './api.ts'
import { Mirror } from './mirror.ts'

interface EndpointSlice extends ApiObject {
  addressType: 'IPv4' | 'IPv6'
  ports: { name?: string; port: number }[] | null
  endpoints: Endpoint[] | null
}

interface Endpoint {
  addresses: string[]
  conditions: { ready?: boolean; serving?: boolean }
  targetRef?: { name: string }
}

interface Target {
  host: string
  port: number
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
    return this.#endpoints().map(({ endpoint }) => endpoint.targetRef?.name ?? '')
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
    const onward = connect({ ...target, noDelay: true })
    this.#keep(onward)
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
    const endpoints = this.#endpoints()
    this.#turn += 1
    const { slice, endpoint } = endpoints[this.#turn % endpoints.length] ?? {}
    const port = slice?.ports?.find(({ name }) => name === this.#portName)?.port
    const host = endpoint?.addresses[0]
    return host === undefined || port === undefined ? undefined : { host, port }
  }

  /** Those that are ready; should all of them be terminating, those that still serve. A Pod counts once. */
  #endpoints(): { slice: EndpointSlice; endpoint: Endpoint }[] {
    const slices = [...(this.#slices?.objects.values() ?? [])]
    const family = slices.some(({ addressType }) => addressType === 'IPv4') ? 'IPv4' : 'IPv6'
    const all = slices
      .filter(({ addressType }) => addressType === family)
      .flatMap((slice) => (slice.endpoints ?? []).map((endpoint) => ({ slice, endpoint })))
    const ready = all.filter(({ endpoint }) => endpoint.conditions.ready ?? true)
    return ready.length > 0 ? ready : all.filter(({ endpoint }) => endpoint.conditions.serving)
  }
}
