import type { IncomingMessage, ServerResponse } from 'node:http'
import { afterAll, expect, test } from 'vitest'
import { diagnose } from './diagnosis.ts'
import { endStrangers, GREETING, HEADERS, serveHttp } from './stranger.ts'

const GAP = GREETING.replace('sser-position', 'sser-gap')
const LATE_MS = 200

afterAll(endStrangers)

/** Answers as a Pod does, with `headers` besides. */
function greet(request: IncomingMessage, response: ServerResponse, headers = {}): void {
  response.writeHead(200, { ...HEADERS, 'sser-resume': 'gap', ...headers })
  if (request.method === 'HEAD') response.end()
  else response.write(request.headers['last-event-id'] === undefined ? GREETING : GAP)
}

test.concurrent('names a proxy that holds each event back for 200 ms', async () => {
  const url = await serveHttp((request, response) => {
    if (request.method === 'HEAD') greet(request, response)
    else setTimeout(greet, LATE_MS, request, response)
  })
  const { causes, says } = await diagnose(url, { patienceMs: 2_000 })
  expect(causes).toEqual(['delayed'])
  expect(says('first event')).toContain('holds each event back')
})

test.concurrent('does not call a server delayed whose every answer takes 200 ms', async () => {
  const url = await serveHttp((request, response) => void setTimeout(greet, LATE_MS, request, response))
  expect((await diagnose(url, { patienceMs: 2_000 })).causes).toEqual([])
})

test.concurrent('does not call a server delayed that is late with its first answer alone', async () => {
  let requests = 0
  const url = await serveHttp((request, response) => {
    requests += 1
    if (requests > 1) greet(request, response)
    else setTimeout(greet, LATE_MS, request, response)
  })
  expect((await diagnose(url, { patienceMs: 2_000 })).causes).toEqual([])
})

test.concurrent.each([
  [1, 'status'],
  [2, 'second stream'],
])('names an edge that answers 503 to request %i alone', async (refused, check) => {
  let requests = 0
  const url = await serveHttp((request, response) => {
    requests += 1
    if (requests === refused) response.writeHead(503).end()
    else greet(request, response)
  })
  const { causes, says } = await diagnose(url)
  expect(causes).toEqual(['no-retry'])
  expect(says(check)).toContain('got a 503, though 5 of 5')
})

test.concurrent.each([
  ['age', '0', []],
  ['age', '17', ['cached']],
  ['x-varnish', '32770', []],
  ['x-varnish', '32770 3', ['cached']],
  ['cache-status', 'edge; fwd=miss', []],
  ['cache-status', 'edge; hit; ttl=30', ['cached']],
])('takes an answer with %s: %s to have the causes %j', async (name, value, expected) => {
  const url = await serveHttp((request, response) => greet(request, response, { [name]: value }))
  expect((await diagnose(url)).causes).toEqual(expected)
})

test.concurrent('names a cache that no header shows, and not a lost id', async () => {
  const url = await serveHttp((request, response) => {
    if (!request.url?.includes('sser-doctor=')) delete request.headers['last-event-id']
    greet(request, response, { age: '0' })
  })
  expect((await diagnose(url)).causes).toEqual(['cached'])
})
