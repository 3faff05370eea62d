import { carriedByBun } from '../delivery/bun-body.ts'
import { eventStreamOf } from '../delivery/event-stream.ts'
import { type BunServer, bunServerIn } from '../http/bun-server.ts'
import { closing, isPromise } from '../http/closing.ts'

export interface FinishOptions {
  heartbeatMs: number
  isDraining(): boolean
  warn(message: string): void
}

/** Prepares an answer of the events endpoint for the server that sends it, as far as `env` tells which one that is. */
export type Finish = (
  request: Request,
  env: unknown,
  answer: Response | Promise<Response>,
) => Response | Promise<Response>

/** Bun closes a connection that is quiet for so long unless it is told otherwise, in milliseconds. */
const BUN_IDLE_MS = 10_000

export function finisher({ heartbeatMs, isDraining, warn }: FinishOptions): Finish {
  let isWarned = false
  const needsBun = 'Bun' in globalThis && heartbeatMs >= BUN_IDLE_MS
  const warnOnce = () => {
    if (isWarned) return
    isWarned = true
    warn(
      `Bun.serve() closes event streams that are quiet for ${BUN_IDLE_MS} ms, before the first heartbeat (heartbeatMs is ${heartbeatMs}), because the app was not handed Bun's server: pass it on, as in fetch: (request, server) => sser.handler(request, server), or set heartbeatMs below ${BUN_IDLE_MS}`,
    )
  }
  const begin = (request: Request, response: Response, server: BunServer | undefined, env: unknown) => {
    const stream = eventStreamOf(request)
    if (stream === undefined) return isDraining() ? closing(response) : response
    // A middleware may yet make another body of it.
    if (server !== undefined) carriedByBun(stream, request, server, { reportsClose: false })
    else if (needsBun && !isNode(env)) warnOnce()
    return response
  }
  return (request, env, answer) => {
    const server = bunServerIn(env)
    return isPromise(answer)
      ? answer.then((response) => begin(request, response, server, env))
      : begin(request, answer, server, env)
  }
}

interface NodeEnv {
  incoming?: { httpVersionMajor?: number }
}

/** Whether Node's HTTP server carries it, which Bun has, too: that one has no idle limit. */
function isNode(env: unknown): boolean {
  return (env as NodeEnv | undefined)?.incoming !== undefined
}

/**
 * Whether an event stream is to have `Connection: close`: a Pod that drains ends its streams, and no client should come back
 * to it over the same connection. HTTP/2 has no such header.
 */
export function endsConnection(env: unknown): boolean {
  return bunServerIn(env) !== undefined || (env as NodeEnv | undefined)?.incoming?.httpVersionMajor === 1
}
