import type { Context } from 'hono'

/** What a client that asks to listen is granted. */
export interface Grant {
  /** The streams that it gets, instead of those it asked for. Default: those. */
  streams?: readonly string[] | undefined
  /** When the connection ends, in milliseconds of Unix time: a JWT's `exp` times 1,000. The client is then judged anew. */
  expiresAt?: number | undefined
  /** What `disconnect({ tag })` finds the connection by: a user, a session. Up to 16 of up to 256 characters. */
  tags?: readonly string[] | undefined
}

/**
 * `allow`: it listens on what it asked for. `deny`: 403; an EventSource gives up, other clients may try again.
 * `stop`: 204, after which no client comes back.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
 */
export type Decision = 'allow' | 'deny' | 'stop' | Grant

/**
 * Decides on one request for events; `c.req` has its cookies, headers and query. An `HTTPException` that it throws
 * becomes the answer. With anything else that it throws, and when it takes longer than `authorizeTimeoutMs`, nobody
 * gets in: the client is told to come back a little later.
 */
export type Authorize = (c: Context, asked: { streams: readonly string[] }) => Decision | Promise<Decision>
