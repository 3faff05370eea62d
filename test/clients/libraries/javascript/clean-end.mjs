// How often @microsoft/fetch-event-source connects to a server that ends each response, as a Pod does when it drains: prints one
// line of JSON for each dialect, with an `onclose` that throws and without one.
import { createServer } from 'node:http'

const load = (specifier) => import(specifier)
Object.assign(globalThis, {
  window: globalThis,
  document: { hidden: false, addEventListener() {}, removeEventListener() {} },
})
const { fetchEventSource } = await load('@microsoft/fetch-event-source')
const ENOUGH = 3
const STAYS_AWAY_MS = 500

const FRAMES = {
  standard: [
    'event: sser-position\nretry: 20\ndata: {}\nid: p1\n\n',
    'event: sser-retry\nretry: 20\ndata: {"reason":"draining"}\n\n',
  ],
  plain: [': sser-position {}\nretry: 20\nid: p1\n', ': sser-retry {"reason":"draining"}\nretry: 20\n'],
}

for (const dialect of ['standard', 'plain']) {
  for (const throws of [false, true]) {
    const ids = []
    const messages = []
    const enough = Promise.withResolvers()
    const server = createServer((request, response) => {
      ids.push(request.headers['last-event-id'] ?? '')
      if (ids.length === ENOUGH) enough.resolve()
      const [first, last] = FRAMES[dialect]
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end(`${first}data: {"n":${ids.length}}\nid: i${ids.length}\n\n${last}`)
    })
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
    const stop = new AbortController()
    const ended = fetchEventSource(`http://127.0.0.1:${server.address().port}/`, {
      signal: stop.signal,
      openWhenHidden: true,
      onmessage: ({ event, data }) => messages.push([event, data]),
      onclose() {
        if (throws) throw new Error('the response ended')
      },
      onerror() {},
    })
    await (throws
      ? enough.promise
      : ended.then(() => new Promise((resolve) => setTimeout(resolve, STAYS_AWAY_MS))))
    stop.abort()
    server.closeAllConnections()
    server.close()
    const events = [...new Set(messages.map(([event]) => event))]
    process.stdout.write(`${JSON.stringify({ dialect, throws, ids: ids.slice(0, ENOUGH), events })}\n`)
  }
}
process.exit(0)
