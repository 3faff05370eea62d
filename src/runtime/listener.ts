import { SserError } from '../errors.ts'
import type { PeerTls } from '../transport/certificates.ts'

/** A server that accepts connections of clients, bound by `serve()` or by the app. */
export interface PublicServer {
  /**
   * Closes it to new connections, and idle connections with it. Resolves when the requests in flight are answered, and
   * cuts their connections after `timeoutMs`.
   */
  close(timeoutMs: number): Promise<void>
}

/** A bound port. */
export interface Listener extends PublicServer {
  port: number
  /** Serves new connections with a renewed certificate. */
  renew?(tls: PeerTls): void
}

/** Time for which clients that do not read an ended event stream can delay a stop, in milliseconds. */
export const STREAM_CLOSE_MS = 1_000
/** How long requests of peers and probes may hold up a stop, in milliseconds. */
const INTERNAL_CLOSE_MS = 1_000

/** Names the option whose port could not be bound. */
export async function naming<T>(option: string, binding: Promise<T>): Promise<T> {
  try {
    return await binding
  } catch (error) {
    if (!(error instanceof SserError && error.code === 'port-in-use')) throw error
    throw new SserError('port-in-use', `Option "${option}": ${error.message}`, { cause: error.cause })
  }
}

/** Returns the error of binding `port`: `port-in-use` where it is in use, with `fix` as the change to make. */
export function bindError(port: number, hostname: string | undefined, cause: unknown, fix = ''): unknown {
  if ((cause as { code?: unknown }).code !== 'EADDRINUSE') return cause
  return new SserError('port-in-use', `Port ${port} is in use on ${hostname ?? 'all addresses'}${fix}`, {
    cause,
  })
}

/** Closes each of them once; the one that was bound first, for peers, goes last: until then they are told that it stops. */
export async function closeAll(bound: Listener[]): Promise<void> {
  for (const each of bound.splice(0).reverse()) await each.close(INTERNAL_CLOSE_MS)
}
