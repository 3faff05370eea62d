import { Agent, fetch } from 'undici'
import { StreamClient } from '../support/stream-client.ts'

/** Limit of a browser's connections to one host over HTTP/1.1. */
const CONNECTIONS = 6
/** Interval of the requests: well below the keep-alive timeout, so that a second connection stays open. */
const ASK_MS = 2_000

/**
 * A page in a browser: an event stream, and another request every 2 s, over up to six kept connections. A balancer of
 * connections sends all requests of one connection to the same Pod.
 */
export class Page {
  readonly client: StreamClient
  readonly #agent: Agent
  readonly #timer: NodeJS.Timeout

  private constructor(client: StreamClient, agent: Agent, url: string) {
    this.client = client
    this.#agent = agent
    this.#timer = setInterval(() => void ask(agent, url), ASK_MS)
  }

  static async open(url: string, stream: string): Promise<Page> {
    const agent = new Agent({ connections: CONNECTIONS })
    const own: typeof fetch = (input, init) => fetch(input, { ...init, dispatcher: agent })
    return new Page(await StreamClient.openWith(own as never, url, stream), agent, url)
  }

  close(): void {
    clearInterval(this.#timer)
    this.client.close()
    void this.#agent.destroy()
  }
}

async function ask(agent: Agent, url: string): Promise<void> {
  try {
    await (await fetch(url, { dispatcher: agent })).text()
  } catch {
    // The Pod of the connection has just stopped.
  }
}
