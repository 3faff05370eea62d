import type { Sser } from './sser.ts'

/** What the runtimes' `serve()` is given. */
export interface ServeOptions {
  sser: Sser
  /** The app that clients reach, with `sser.routes` mounted in it. */
  fetch: (request: Request, env?: unknown) => Response | Promise<Response>
  /** The public port; 0 picks a free one. */
  port: number
  /** The public address. Default: all addresses. */
  hostname?: string | undefined
  /** The internal port; 0 picks a free one. Default: `sser.internalPort`. */
  internalPort?: number | undefined
  /** The internal address. Default: `hostname`. */
  internalHostname?: string | undefined
}

/** A Pod that serves. */
export interface Served {
  /** The public port that was bound. */
  port: number
  /** The internal port that was bound. */
  internalPort: number
  /** Ends every connection, leaves the fleet and frees the ports. */
  stop(): Promise<void>
}
