import type { IncomingMessage, ServerResponse } from 'node:http'
import { afterAll, expect, test } from 'vitest'
import { diagnose } from './diagnosis.ts'
import { endServers, GAP, GREETING, HEADERS, serveHttp } from './fake-server.ts'

const LATE_MS = 200

afterAll(endServers)

/** Responds as a Pod does, with additional headers. */
function respond(request: IncomingMessage, response: ServerResponse, headers = {}): void {
  response.writeHead(200, { ...HEADERS, 'sser-resume': 'gap', ...headers })
  if (request.method === 'HEAD') response.end()
  else response.write(request.headers['last-event-id'] === undefined ? GREETING : GAP)
}

test.concurrent('reports a proxy that delays each event by 200 ms', async () => {
  const url = await serveHttp((request, response) => {
    if (request.method === 'HEAD') respond(request, response)
    else setTimeout(respond, LATE_MS, request, response)
  })
  const { causes, message } = await diagnose(url, { timeoutMs: 2_000 })
  expect(causes).toEqual(['delayed'])
  expect(message('first event')).toContain('delays each event')
})

test.concurrent('reports no delay if every response takes 200 ms, HEAD as well', async () => {
  const url = await serveHttp((request, response) => void setTimeout(respond, LATE_MS, request, response))
  expect((await diagnose(url, { timeoutMs: 2_000 })).causes).toEqual([])
})

test.concurrent('reports no delay if only the first response is late', async () => {
  let requests = 0
  const url = await serveHttp((request, response) => {
    requests += 1
    if (requests > 1) respond(request, response)
    else setTimeout(respond, LATE_MS, request, response)
  })
  expect((await diagnose(url, { timeoutMs: 2_000 })).causes).toEqual([])
})

test.concurrent.each([
  [1, 'status'],
  [2, 'second stream'],
])('reports a missing retry if only request %i gets a 503', async (refused, check) => {
  let requests = 0
  const url = await serveHttp((request, response) => {
    requests += 1
    if (requests === refused) response.writeHead(503).end()
    else respond(request, response)
  })
  const { causes, message } = await diagnose(url)
  expect(causes).toEqual(['no-retry'])
  expect(message(check)).toContain('got status 503, but 5 of 5')
})

test.concurrent.each([
  ['age', '0', []],
  ['age', '17', ['cached']],
  ['x-varnish', '32770', []],
  ['x-varnish', '32770 3', ['cached']],
  ['cache-status', 'edge; fwd=miss', []],
  ['cache-status', 'edge; hit; ttl=30', ['cached']],
])('reads a response with %s: %s as %j', async (name, value, expected) => {
  const url = await serveHttp((request, response) => respond(request, response, { [name]: value }))
  expect((await diagnose(url)).causes).toEqual(expected)
})

test.concurrent('reports a cache without a header of its own, not a lost id', async () => {
  const url = await serveHttp((request, response) => {
    if (!request.url?.includes('sser-doctor=')) delete request.headers['last-event-id']
    respond(request, response, { age: '0' })
  })
  expect((await diagnose(url)).causes).toEqual(['cached'])
})
