import * as v from 'valibot'
import type { FetchHandler } from '../http/fetch-handler.ts'
import { serverSideOf } from '../sser.ts'
import { checkOptions } from '../validation.ts'
import { type JoinOptions, joinEntries, portSchema, SSER_OPTIONS } from './join-options.ts'
import { type Listener, naming } from './listener.ts'
import { isDraining, type RunningPod, type Runtime, runPod } from './running-pod.ts'

/** Options of `serve()`. */
export interface ServeOptions extends JoinOptions {
  /** Handles the requests of clients: an app with `sser.routes` mounted, such as `app.fetch` of Hono. */
  fetch: FetchHandler
  /** Public port; 0 chooses a free one. */
  port: number
  /**
   * Address of the public port.
   * @default all addresses
   */
  hostname?: string | undefined
}

/** A running server: its ports, and how to stop it. */
export interface RunningServer extends RunningPod {
  /** The public port that was bound. */
  readonly port: number
}

/** Binds the public port. Event streams are quiet for long; answers while the Pod drains close their connection. */
export type BindPublic = (
  fetch: FetchHandler,
  port: number,
  hostname: string | undefined,
  isDraining: () => boolean,
) => Promise<Listener>

const schema = v.strictObject({
  ...joinEntries,
  fetch: v.custom<FetchHandler>(
    (value) => typeof value === 'function',
    'a function of (request, env), such as app.fetch',
  ),
  port: portSchema,
  hostname: v.optional(v.string()),
  serverOptions: v.optional(v.unknown()),
  // Node's alone; other runtimes ignore it, so that one set of options fits each of them.
  fastPath: v.optional(v.boolean()),
})

/** `serve()` on any runtime: a Pod, and its public port. */
export async function runServer(
  runtime: Runtime,
  bindPublic: BindPublic,
  options: ServeOptions,
): Promise<RunningServer> {
  checkOptions(schema, options, SSER_OPTIONS)
  const { sser, fetch, port: wanted, hostname } = options
  const recorded = serverSideOf(sser)?.arrivals.recording(fetch) ?? fetch
  let port = wanted
  const bind = async () => {
    const listener = await naming(
      { port: 'port', hostname: 'hostname' },
      bindPublic(recorded, wanted, hostname, () => isDraining(sser)),
    )
    port = listener.port
    return listener
  }
  const pod = await runPod(runtime, options, { bind, hostname })
  return { ...pod, port }
}
