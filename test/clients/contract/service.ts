import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { Client } from '../../../src/client/client.ts'
import type { ClientError } from '../../../src/client/error.ts'
import { pageClock } from '../../../src/client/options.ts'

/** The suite's numbers are limits for silence; ours are heartbeats, of which 1.75 are the limit. */
const LIMIT_IN_HEARTBEATS = 1.75

/** The suite's optional features that the client has. */
const CAPABILITIES = [
  'bom',
  'headers',
  'last-event-id',
  'read-timeout',
  'restart',
  'server-directed-shutdown-request',
]

/** The suite asks for a client. */
interface CreateStream {
  readonly streamUrl: string
  readonly callbackUrl: string
  readonly readTimeoutMs?: number
  readonly lastEventId?: string
  readonly headers?: Record<string, string>
}

/**
 * Runs clients for the contract tests of LaunchDarkly: a program that serves streams, and asks this service for clients.
 * @see https://github.com/launchdarkly/sse-contract-tests
 */
export class ContractService {
  readonly url: string
  readonly #server: Server
  readonly #clients = new Map<string, Client>()
  #created = 0

  private constructor(server: Server) {
    this.#server = server
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    server.on('request', async (incoming, outgoing) => {
      const [status, body] = await this.#answer(incoming)
      outgoing.writeHead(status, { location: `${this.url}/${this.#created}` }).end(body)
    })
  }

  static async listen(): Promise<ContractService> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new ContractService(server)
  }

  async close(): Promise<void> {
    for (const client of this.#clients.values()) client.close()
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  async #answer(incoming: IncomingMessage): Promise<[status: number, body?: string]> {
    const { method, url = '/' } = incoming
    if (method === 'GET') return [200, JSON.stringify({ capabilities: CAPABILITIES })]
    const body = await text(incoming)
    if (url === '/') {
      this.#created += 1
      this.#clients.set(`/${this.#created}`, clientFor(JSON.parse(body)))
      return [201]
    }
    const client = this.#clients.get(url)
    if (client === undefined) return [404]
    if (method === 'POST') client.reconnect()
    else client.close()
    return [204]
  }
}

/** A client that tells the suite what it receives. */
function clientFor(asked: CreateStream): Client {
  let callbacks = 0
  let last: Promise<unknown> = Promise.resolve()
  const tell = (message: object) => {
    callbacks += 1
    const url = `${asked.callbackUrl}/${callbacks}`
    const body = JSON.stringify(message)
    last = last.then(() => fetch(url, { method: 'POST', body })).catch(() => {})
  }
  const options = {
    headers: asked.headers,
    heartbeatMs: asked.readTimeoutMs && asked.readTimeoutMs / LIMIT_IN_HEARTBEATS,
    persist: asked.lastEventId !== undefined,
    onError: ({ message }: ClientError) => tell({ kind: 'error', error: message }),
  }
  // The suite's initial delay is 0 everywhere, and its first event id is that of a page that was loaded anew.
  const page = { sessionStorage: { getItem: () => asked.lastEventId ?? null, setItem: () => {} } }
  const clock = { ...pageClock, random: () => 0 }
  const client = new Client(asked.streamUrl, options, { clock, page })
  client
    .stream('contract', { parse: (data) => data })
    .on((data, { event, id }) => tell({ kind: 'event', event: { type: event, data, id } }))
  return client
}
