import type { Context } from 'hono'

/** Access that `authorize` grants to one connection. */
export interface Grant {
  /**
   * The streams of the connection. Not for a run.
   * @default the requested streams
   */
  streams?: readonly string[] | undefined
  /**
   * When the connection ends, in milliseconds of Unix time: a JWT's `exp` times 1,000. The client then reconnects, which
   * calls `authorize` again.
   * @default no end
   */
  expiresAt?: number | undefined
  /**
   * Tags by which `disconnect({ tag })` selects the connection: a user, a session. At most 16, of at most 256 characters.
   * @default []
   */
  tags?: readonly string[] | undefined
}

/** The request of a client: streams, or one run. The other one of the two is undefined. */
export type Requested =
  | { readonly streams: readonly string[]; readonly run?: undefined }
  | { readonly run: string; readonly streams?: undefined }

/**
 * `allow` grants the requested streams, or the run. `deny` answers 403: an EventSource gives up, other clients may try again. `stop`
 * answers 204, after which no client reconnects.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
 */
export type Decision = 'allow' | 'deny' | 'stop' | Grant

/**
 * Decides on one request for events; `c.req` has its cookies, headers and query. An `HTTPException` that it throws is the
 * response. Any other error, an invalid decision and a call that takes longer than `authorizeTimeoutMs` refuse the client
 * with an `sser-retry`, so that it reconnects a little later.
 */
export type Authorize = (c: Context, asked: Requested) => Decision | Promise<Decision>
