import { EventSource } from 'eventsource'

const CLIENTS = 20
const SEND_EVERY_MS = 100

/** Clients on every Pod, and a sender that uses one Pod after the other. */
export class Audience {
  readonly #urls: readonly string[]
  #sources: EventSource[] = []
  #timer: NodeJS.Timeout | undefined
  #sent = 0

  constructor(urls: readonly string[]) {
    this.#urls = urls
  }

  begin(): void {
    const streams = ['orders', 'news']
    this.#sources = this.#urls.flatMap((url) =>
      Array.from(
        { length: CLIENTS },
        (_, i) => new EventSource(`${url}/events?stream=${streams[i % streams.length]}`),
      ),
    )
    this.#timer = setInterval(() => {
      const url = this.#urls[this.#sent++ % this.#urls.length] as string
      // A killed Pod accepts no event.
      fetch(`${url}/send?stream=orders`, { method: 'POST', body: `order ${this.#sent}` }).then(
        (response) => response.body?.cancel(),
        () => {},
      )
    }, SEND_EVERY_MS)
  }

  end(): void {
    clearInterval(this.#timer)
    for (const source of this.#sources.splice(0)) source.close()
  }
}
