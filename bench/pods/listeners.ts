import type { ServerResponse } from 'node:http'

/** The clients of a Pod that is not sser's: plain responses that every event is written to. */
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
