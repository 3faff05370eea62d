import { SserError } from './errors.ts'
import type { Served, ServeOptions } from './serving.ts'
import type { Sser } from './sser.ts'

const SIGNALS = ['SIGTERM', 'SIGINT'] as const

/**
 * Binds the internal port, joins the fleet, and binds the public port, in that order: no client arrives before
 * the Pod is one of the fleet. SIGTERM and SIGINT stop it.
 * @throws SserError `port-taken`, naming the port; what `sser.start()` throws.
 */
export async function serve(options: ServeOptions): Promise<Served> {
  const {
    sser,
    fetch,
    port,
    hostname,
    internalPort = sser.internalPort,
    internalHostname = hostname,
  } = options
  const servers: Bun.Server<undefined>[] = []
  let stopping: Promise<void> | undefined
  const stop = () => {
    stopping ??= stopServers(sser, servers).finally(() => {
      for (const signal of SIGNALS) process.off(signal, stop)
    })
    return stopping
  }
  try {
    // Go Pods keep their connections for ever, and lose the message that meets a closing one.
    const internal = bind(internalPort, internalHostname, {
      fetch: sser.internalRoutes.fetch,
      idleTimeout: 0,
    })
    servers.push(internal)
    await sser.start({ internalPort: internal.port })
    const open = bind(port, hostname, {
      async fetch(request, server) {
        const response = await fetch(request, server)
        // Bun closes what is quiet for ten seconds; an event stream may be.
        if (response.headers.get('content-type')?.startsWith('text/event-stream')) server.timeout(request, 0)
        return response
      },
    })
    servers.push(open)
    for (const signal of SIGNALS) process.once(signal, stop)
    return { port: open.port as number, internalPort: internal.port as number, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function stopServers(sser: Sser, servers: readonly Bun.Server<undefined>[]): Promise<void> {
  await sser.stop()
  await Promise.all(servers.map((server) => server.stop(true)))
}

function bind(
  port: number,
  hostname: string | undefined,
  options: {
    fetch: (request: Request, server: Bun.Server<undefined>) => Response | Promise<Response>
    idleTimeout?: number
  },
): Bun.Server<undefined> {
  try {
    return Bun.serve({ port, ...(hostname === undefined ? {} : { hostname }), ...options })
  } catch (cause) {
    const isTaken = (cause as { code?: unknown }).code === 'EADDRINUSE'
    throw isTaken ? new SserError('port-taken', `Port ${port} is in use`, { cause }) : cause
  }
}
