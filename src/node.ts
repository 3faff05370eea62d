import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { SserError } from './errors.ts'
import type { Served, ServeOptions } from './serving.ts'
import type { Sser } from './sser.ts'

/** How long clients that do not read may hold up a stop, in milliseconds. */
const CLOSE_GRACE_MS = 1_000
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
  const internal = createAdaptorServer({ fetch: sser.internalRoutes.fetch }) as Server
  // Go Pods keep their connections for ever, and lose the message that meets a closing one.
  internal.keepAliveTimeout = 0
  const served: Server[] = [internal]
  let stopping: Promise<void> | undefined
  const stop = () => {
    stopping ??= stopServers(sser, served).finally(() => {
      for (const signal of SIGNALS) process.off(signal, stop)
    })
    return stopping
  }
  try {
    const boundInternalPort = await listen(internal, internalPort, internalHostname)
    await sser.start({ internalPort: boundInternalPort })
    const open = createAdaptorServer({ fetch }) as Server
    const boundPort = await listen(open, port, hostname)
    served.push(open)
    for (const signal of SIGNALS) process.once(signal, stop)
    return { port: boundPort, internalPort: boundInternalPort, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function listen(server: Server, port: number, hostname: string | undefined): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const isTaken = cause.code === 'EADDRINUSE'
      reject(isTaken ? new SserError('port-taken', `Port ${port} is in use`, { cause }) : cause)
    })
    server.listen(port, hostname, () => resolve((server.address() as AddressInfo).port))
  })
}

async function stopServers(sser: Sser, servers: readonly Server[]): Promise<void> {
  await sser.stop()
  await Promise.all(servers.map(close))
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS)
    // Streams end a turn later; only then are their connections idle.
    const idle = setInterval(() => server.closeIdleConnections(), 20)
    // Called back also where it never listened.
    server.close(() => {
      clearTimeout(timer)
      clearInterval(idle)
      resolve()
    })
  })
}
