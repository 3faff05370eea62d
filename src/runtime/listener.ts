import { SserError } from '../errors.ts'
import type { PeerTls } from '../transport/certificates.ts'

/** A server that accepts connections of clients, bound by `serve()` or by the app. */
export interface PublicServer {
  /**
   * Closes it to new connections, and idle connections with it, these after up to `idleMs`. Resolves when the requests in
   * flight are answered, and cuts their connections after `timeoutMs`.
   */
  close(timeoutMs: number, idleMs?: number): Promise<void>
}

/** A bound port. */
export interface Listener extends PublicServer {
  port: number
  /** Serves new connections with a renewed certificate. */
  renew?(tls: PeerTls): void
}

/** Time for which clients that do not read an ended event stream can delay a stop, in milliseconds. */
export const STREAM_CLOSE_MS = 1_000
/**
 * Time after SIGTERM in which idle connections are still served, each with one response that closes it, in milliseconds. A
 * proxy may send a request on an idle connection at the moment at which the Pod closes it, and answer it with 502.
 */
export const IDLE_GRACE_MS = 1_000
/** How long requests of peers and probes may hold up a stop, in milliseconds. */
const INTERNAL_CLOSE_MS = 1_000

/** The options that a port and its address come from. */
interface PortOptions {
  port: string
  hostname: string
}

/** Names the option because of which a port could not be bound. */
export async function naming<T>({ port, hostname }: PortOptions, binding: Promise<T>): Promise<T> {
  try {
    return await binding
  } catch (error) {
    if (!(error instanceof SserError) || error.code === 'stopped') throw error
    const { code, message, cause } = error
    const option = code === 'address-not-available' ? hostname : port
    throw new SserError(code, `Option "${option}": ${message}`, { cause })
  }
}

/**
 * Returns the error of binding `port`: `port-in-use`, with `fix` as the change to make, `port-not-permitted` or
 * `address-not-available`, and any other one as it is.
 */
export function bindError(port: number, hostname: string | undefined, cause: unknown, fix = ''): unknown {
  const { code } = cause as { code?: unknown }
  const address = hostname ?? 'all addresses'
  switch (code) {
    case 'EADDRINUSE':
      return new SserError('port-in-use', `Port ${port} is in use on ${address}${fix}`, { cause })
    case 'EACCES':
      return new SserError(
        'port-not-permitted',
        `This process may not bind port ${port} on ${address} (EACCES); expected a port above 1023, or the capability CAP_NET_BIND_SERVICE`,
        { cause },
      )
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new SserError(
        'address-not-available',
        `Port ${port} cannot be bound on ${address} (${code}); expected an address of this machine, such as 127.0.0.1`,
        { cause },
      )
    default:
      return cause
  }
}

/**
 * Closes each listener once. The first one, for peers, closes last, because until then it tells peers that the Pod
 * stops.
 */
export async function closeAll(bound: Listener[]): Promise<void> {
  for (const each of bound.splice(0).reverse()) await each.close(INTERNAL_CLOSE_MS)
}
