import type { RunResponseOptions } from '../../src/index.ts'
import { Client } from './client.ts'
import { settle } from './clock.ts'
import { Fleet, type Pod } from './fleet.ts'
import type { TestSettings } from './settings.ts'

/** One Pod on virtual time, and requests for its runs. */
export class RunReader {
  readonly fleet: Fleet
  readonly pod: Pod

  private constructor(fleet: Fleet) {
    this.fleet = fleet
    this.pod = fleet.pod(0)
  }

  static async start(settings?: TestSettings): Promise<RunReader> {
    return new RunReader(await Fleet.of(1, settings))
  }

  /** Asks for a run at the public endpoint. */
  async ask(query: string, headers: Record<string, string> = {}): Promise<Response> {
    const response = this.pod.sser.routes.request(`/?${query}`, { headers })
    await settle()
    return response
  }

  /** A client of the public endpoint that reads all the time. */
  async read(query: string, lastEventId?: string): Promise<Client> {
    return this.client(
      await this.ask(query, lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
    )
  }

  /** A response of `runResponse()`. */
  async respond(
    name: string,
    options?: RunResponseOptions,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const response = this.pod.sser.runResponse(name, new Request('http://pod/', { headers }), options)
    await settle()
    return response
  }

  /** A client that reads all the time, and has read what there is. */
  async client(response: Response): Promise<Client> {
    const client = new Client(response).flow()
    // The catch-up queue serves one group of connections after another.
    await this.fleet.clock.advance(1)
    return client
  }
}
