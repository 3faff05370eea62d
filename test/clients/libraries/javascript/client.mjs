// One client library on one event stream: prints each event that the library hands to the application, a line of JSON
// each. The packages come from the temporary folder that this file is copied to, so they are loaded by a variable name.
const [name, url] = process.argv.slice(2)
const load = (specifier) => import(specifier)
const print = (type, data) => process.stdout.write(`${JSON.stringify({ type, data })}\n`)
const RETRY_MS = 200

/** An EventSource tells only of the types that somebody listens for. */
function listen(source) {
  for (const type of ['message', 'sser-position', 'sser-gap', 'sser-retry'])
    source.addEventListener(type, ({ data }) => print(type, data))
  source.addEventListener('error', (event) => {
    if (source.readyState === 2) console.error('closed for good:', event.code, event.message)
  })
}

const clients = {
  async 'eventsource 2'() {
    listen(new (await load('eventsource2')).default(url))
  },
  async 'eventsource 3'() {
    listen(new (await load('eventsource3')).EventSource(url))
  },
  async 'eventsource 5'() {
    listen(new (await load('eventsource5')).EventSource(url))
  },
  async undici() {
    listen(new (await load('undici')).EventSource(url))
  },
  async 'eventsource-client'() {
    const { createEventSource } = await load('eventsource-client')
    createEventSource({ url, onMessage: ({ event, data }) => print(event ?? 'message', data) })
  },
  async '@microsoft/fetch-event-source'() {
    Object.assign(globalThis, {
      window: globalThis,
      document: { hidden: false, addEventListener() {}, removeEventListener() {} },
    })
    const { fetchEventSource } = await load('@microsoft/fetch-event-source')
    await fetchEventSource(url, {
      openWhenHidden: true,
      onmessage: ({ event, data }) => print(event, data),
      // Without these two it does not come back after a clean end, or after an error.
      onclose() {
        throw new Error('the response ended')
      },
      onerror() {},
    })
  },
  async 'reconnecting-eventsource'() {
    globalThis.EventSource = (await load('eventsource5')).EventSource
    const { default: module } = await load('reconnecting-eventsource')
    listen(new (module.default ?? module)(url, { max_retry_time: RETRY_MS }))
  },
  async 'event-source-polyfill'() {
    const { default: module } = await load('event-source-polyfill')
    listen(new module.EventSourcePolyfill(url))
  },
  async 'sse.js'() {
    globalThis.XMLHttpRequest = (await load('./xhr.mjs')).XMLHttpRequest
    const { SSE } = await load('sse.js')
    listen(new SSE(url, { autoReconnect: true, useLastEventId: true, reconnectDelay: RETRY_MS }))
  },
}

// While they wait to come back, some libraries hold nothing that keeps a process alive.
setInterval(() => {}, 60_000)
await clients[name]()
