import type { ServerResponse } from 'node:http'

/** Clients of a Pod without sser: plain responses, to which every event is written. */
export class Listeners {
  readonly #responses = new Set<ServerResponse>()

  add(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(':\n\n')
    this.#responses.add(response)
    response.once('close', () => this.#responses.delete(response))
  }

  deliver(msg: string): void {
    for (const response of this.#responses) response.write(`data: ${msg}\n\n`)
  }
}
