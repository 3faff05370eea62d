import { PEER_ENDPOINT_URL_PATH } from '../../wire/v1.ts'

/** A Go Pod that posted within this time is expected to post again within it, in milliseconds. */
const EXPECTED_MS = 1_000

/**
 * Records the time of posts of Go Pods. `Server.stop()` of Bun resets a connection before its request has arrived. The
 * safest moment to call it is after a response to a Go Pod, because its next connection then takes a while.
 */
export class GoPosts {
  #lastAt = Number.NEGATIVE_INFINITY
  #next = Promise.withResolvers<void>()

  /** To be called when a request is about to be answered. */
  answered({ url }: Request): void {
    if (!url.endsWith(PEER_ENDPOINT_URL_PATH)) return
    this.#lastAt = performance.now()
    this.#next.resolve()
    this.#next = Promise.withResolvers()
  }

  /** Waits for the next answer to a Go Pod, where one is expected. */
  async next(): Promise<void> {
    if (performance.now() - this.#lastAt > EXPECTED_MS) return
    await Promise.race([this.#next.promise, Bun.sleep(EXPECTED_MS)])
  }
}
