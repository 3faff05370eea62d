// For the tests: three Pods in memory, and in front of them a balancer on a real port, which sends each request to the first
// Pod that runs, unless the test prefers another one.
import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import type { Hono } from 'hono'
import type { Sser } from 'sser'
import { createFleet } from 'sser/testing'

export async function balancedFleet(createApp: (sser: Sser) => Hono) {
  const fleet = await createFleet(3, { app: createApp })
  let preferred = 0
  const server = createServer(
    getRequestListener(async (request) => {
      const ordered = [...fleet.pods.slice(preferred), ...fleet.pods.slice(0, preferred)]
      const pod = ordered.find(({ isRunning }) => isRunning)
      return pod === undefined ? new Response(null, { status: 502 }) : pod.request(request)
    }),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return {
    url: `http://127.0.0.1:${port}`,
    pod: (index: number) => fleet.pod(index),
    /** Sends a request to one Pod, past the balancer. */
    fetch: (index: number) => (input: string | URL | Request, init?: RequestInit) =>
      fleet.pod(index).request(input, init),
    /** From now on requests go to this Pod, if it runs. */
    prefer(index: number) {
      preferred = index
    },
    /** Breaks all connections, as the kill of a process does; `kill()` of a Pod in memory ends its responses cleanly. */
    cut: () => server.closeAllConnections(),
    async [Symbol.asyncDispose]() {
      await fleet.stop()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Resolves when the condition holds; the time limit of the test ends a wait in vain. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10))
}
