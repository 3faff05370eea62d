// For the tests: a local server in the place of OpenAI and Anthropic, which sends recorded streams.
import { createServer, type ServerResponse } from 'node:http'

/** One event of a recorded stream. */
export interface Recorded {
  event: string
  data: object
}

/** Serves streams that the test writes. `path`: of the request that a stream answers. */
export async function upstream() {
  const streams: { path: string; response: ServerResponse; isClosed: boolean }[] = []
  const server = createServer((request, response) => {
    request.resume()
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.flushHeaders()
    const stream = { path: request.url as string, response, isClosed: false }
    response.once('close', () => {
      stream.isClosed = true
    })
    streams.push(stream)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    streams,
    send(index: number, recorded: readonly Recorded[]) {
      for (const { event, data } of recorded)
        streams[index]?.response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
    },
    end: (index: number) => streams[index]?.response.end(),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
