import type { PeerTls } from '../../transport/certificates.ts'
import { PEER_ENDPOINT_URL_PATH } from '../../wire/v1.ts'
import type { BindInternal } from '../running-pod.ts'
import { bind, FIRST_REQUEST_TIMEOUT_S } from './listener.ts'

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

/** How long requests may go on that came before a certificate was renewed, in milliseconds. */
const OLD_LISTENER_MS = 10_000

/** Binds a port for peers. */
export const bindInternal: BindInternal = async (fetch, { port, hostname, tls }) => {
  const posts = new GoPosts()
  const bindWith = (at: number, certificate?: PeerTls) =>
    bind(at, hostname, {
      async fetch(request, server) {
        const response = await fetch(request, server)
        posts.answered(request)
        // Go Pods keep their connections for ever, and lose the message that meets a closing one.
        if (request.method === 'POST' && response.status === 200) server.timeout(request, 0)
        return response
      },
      id: `sser internal ${hostname}:${at}`,
      // For connections that no peer has used: nothing else bounds them.
      idleTimeout: FIRST_REQUEST_TIMEOUT_S,
      ...(certificate !== undefined && {
        tls: { ...certificate, requestCert: true, rejectUnauthorized: true },
      }),
    })
  let listener = bindWith(port, tls)
  // Kept, because a server of Bun that was stopped has the port 0.
  const { port: boundPort } = listener
  let isClosed = false
  return {
    port: boundPort,
    async close(timeoutMs) {
      await posts.next()
      // The answer is to be written first.
      await new Promise(setImmediate)
      isClosed = true
      await listener.close(timeoutMs)
    },
    // Bun's reload() leaves the certificate as it is. No other code runs between the two calls, so that a peer finds the port.
    renew(renewed) {
      if (isClosed) return
      void listener.close(OLD_LISTENER_MS)
      listener = bindWith(boundPort, renewed)
    },
  }
}
