import type { BenchServer } from '../harness/bench-server.ts'
import { streamNames } from '../harness/stream-names.ts'

interface DirectController {
  write(chunk: string): void
  flush(): void
}

/** Minimal server of many streams with Bun's own direct streams. */
export const server: BenchServer = {
  name: 'Bun, a direct `ReadableStream`',
  runtime: 'bun',
  serve(port) {
    const streams = new Map<string, Set<DirectController>>()
    Bun.serve({
      port,
      hostname: '127.0.0.1',
      idleTimeout: 0,
      async fetch(request) {
        const query = new URL(request.url).searchParams
        const stream = query.get('stream') ?? ''
        if (request.method === 'POST') {
          const names = streamNames(stream, query.get('streams') ?? undefined)
          for (const msg of (await request.text()).split('\n')) {
            for (const name of names)
              for (const each of streams.get(name) ?? []) {
                each.write(`data: ${msg}\n\n`)
                each.flush()
              }
          }
          return new Response(null, { status: 202 })
        }
        const clients = streams.get(stream) ?? new Set()
        streams.set(stream, clients)
        const body = new ReadableStream({
          type: 'direct',
          pull(controller: DirectController) {
            clients.add(controller)
            // Bun sends the head with the first bytes.
            controller.write(':\n\n')
            controller.flush()
            return new Promise<void>((resolve) => {
              request.signal.addEventListener('abort', () => {
                clients.delete(controller)
                resolve()
              })
            })
          },
        } as unknown as UnderlyingDefaultSource)
        return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
      },
    })
  },
}
