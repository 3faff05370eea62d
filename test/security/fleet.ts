import { Hono } from 'hono'
import { type ErrorContext, type Sser, StaticPeerFinder } from '../../src/index.ts'
import { type NodeServeOptions, type RunningServer, serve } from '../../src/node.ts'
import { newSser, type TestSettings } from '../support/settings.ts'
import { closeClients, RawClient, StreamClient } from '../support/stream-client.ts'
import { until } from '../support/until.ts'

const PORT = 7_310

/** One Pod of this process, on real sockets, with the errors that it reported. */
export interface SecuredPod {
  sser: Sser
  served: RunningServer
  /** Where clients connect, without a path. */
  url: string
  /** The internal port, likewise. */
  internal: string
  errors: { error: unknown; context: ErrorContext }[]
}

/** Clients of this file's tests, ended by {@link SecuredFleet.stop}. */
export const raws: RawClient[] = []

/** A client that has been greeted. */
export async function listen(pod: SecuredPod, ...streams: string[]): Promise<RawClient> {
  const raw = await RawClient.events(pod.url, streams)
  raws.push(raw)
  await raw.holds('a greeting', (text) => text.includes('sser-position'))
  return raw
}

/** `others`: peers beside the Pods of the fleet, as `address:port`. */
export type PodSettings = Partial<TestSettings> & { serving?: Partial<NodeServeOptions>; others?: string[] }

/** Pods in this process, at addresses of their own; each can have other settings. */
export class SecuredFleet {
  readonly pods: SecuredPod[] = []
  readonly #net: string
  #size = 0

  /** `net`: the first three numbers of their addresses, which no other file uses. */
  constructor(net: string) {
    this.#net = net
  }

  /** Pods that have started, and whose links have all been tried. */
  async start(...each: PodSettings[]): Promise<SecuredPod[]> {
    this.#size = each.length
    const pods = await Promise.all(each.map((settings, index) => this.run(index, settings)))
    await until('every link was tried', () =>
      pods.every(({ sser }) => sser.peers.every(({ state }) => state !== 'connecting')),
    )
    return pods
  }

  /** A Pod alone. */
  async one(settings: PodSettings): Promise<SecuredPod> {
    const [pod] = (await this.start(settings)) as [SecuredPod]
    return pod
  }

  /** One Pod, at the place of the one that was there before. */
  async run(index: number, { serving, others = [], ...settings }: PodSettings): Promise<SecuredPod> {
    const host = (at: number) => `${this.#net}.${at + 1}`
    const peers = [...Array.from({ length: this.#size }, (_, at) => `${host(at)}:${PORT}`), ...others]
    const errors: SecuredPod['errors'] = []
    const sser = newSser({
      peerFinder: new StaticPeerFinder(peers),
      internalPort: PORT,
      drainTimeoutMs: 0,
      flushTimeoutMs: 0,
      initialSyncTimeoutMs: 1_000,
      // Receipts tell what a peer did, however late a busy machine lets it answer.
      ackTimeoutMs: 15_000,
      onError: (error, context) => errors.push({ error, context }),
      ...settings,
    })
    const app = new Hono().route('/events', sser.routes)
    const served = await serve({ sser, fetch: app.fetch, hostname: host(index), port: 0, ...serving })
    const pod = {
      sser,
      served,
      errors,
      url: `http://${host(index)}:${served.port}`,
      internal: `http://${host(index)}:${served.internalPort}`,
    }
    this.pods[index] = pod
    return pod
  }

  listen(index: number, ...streams: string[]): Promise<StreamClient> {
    return StreamClient.open((this.pods[index] as SecuredPod).url, ...streams)
  }

  /** For `afterEach`. */
  async stop(): Promise<void> {
    closeClients()
    for (const { socket } of raws.splice(0)) socket.destroy()
    await Promise.all(this.pods.splice(0).map(({ served }) => served.stop()))
  }
}
