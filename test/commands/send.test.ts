import type { IncomingHttpHeaders } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { send } from '../../src/commands/send.ts'
import { endAppServers, serveBy } from '../support/app-server.ts'
import { TestIo } from './io.ts'

afterEach(endAppServers)

const RECEIPT = {
  id: 'Q0w8e2-kBG',
  duplicate: false,
  connections: 3,
  peers: [{ peer: '10.0.0.7:7000', status: 'delivered' }],
}
const PENDING = {
  ...RECEIPT,
  peers: [{ peer: '10.0.0.7:7000', status: 'pending', reason: 'no response within 1000 ms' }],
}

interface Received {
  url: string
  headers: IncomingHttpHeaders
  body: string
}

/** A server that gives one answer after another. */
async function server(
  ...answers: [status: number, body: unknown][]
): Promise<{ url: string; requests: Received[] }> {
  const requests: Received[] = []
  const url = await serveBy(async (incoming, outgoing) => {
    let body = ''
    for await (const chunk of incoming) body += chunk
    requests.push({ url: incoming.url as string, headers: incoming.headers, body })
    const [status, answer] = answers[Math.min(requests.length, answers.length) - 1] as [number, unknown]
    outgoing.writeHead(status).end(typeof answer === 'string' ? answer : JSON.stringify(answer))
  })
  return { url: `${url}/publish`, requests }
}

describe('sser send', () => {
  it('sends its argument, prints the receipt, and exits with 0 where every Pod has the event', async () => {
    const { url, requests } = await server([200, RECEIPT])
    const io = new TestIo()
    io.env.SSER_PUBLISH_TOKEN = 'a-token-of-the-tests'
    expect(await send([url, '--stream', 'a b', '--event', 'created', 'two coffees'], io)).toBe(0)
    expect(io.out).toBe('sent as Q0w8e2-kBG: 1 of 1 other Pods have it; 3 clients listen on this one\n')
    expect(requests).toMatchObject([{ url: '/publish?stream=a+b&event=created', body: 'two coffees' }])
    expect(requests[0]?.headers).toMatchObject({ authorization: 'Bearer a-token-of-the-tests' })
  })

  it('exits with 3 where a Pod has not confirmed the event, and names it', async () => {
    const { url } = await server([202, PENDING])
    const io = new TestIo('from a pipe\n')
    expect(await send([url, '--stream', 'a'], io)).toBe(3)
    expect(io.out).toContain('0 of 1 other Pods have it')
    expect(io.out).toContain('  10.0.0.7:7000 pending: no response within 1000 ms\n')
  })

  it('sends again with the same key after 503, and no more than --retries', async () => {
    const { url, requests } = await server([503, 'no Pod'], [200, { ...RECEIPT, duplicate: true }])
    const io = new TestIo()
    expect(await send([url, '--stream', 'a', 'x'], io)).toBe(0)
    expect(io.err).toBe('HTTP 503: sends it again (1 of 3)\n')
    expect(io.out).toContain('sent before as Q0w8e2-kBG')
    const keys = requests.map(({ headers }) => headers['idempotency-key'])
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/)
    expect(keys[1]).toBe(keys[0])
    const other = await server([503, { error: { code: 'stopped', message: 'This instance was stopped' } }])
    expect(await send([other.url, '--stream', 'a', '--retries', '0', 'x'], io)).toBe(1)
    expect(io.err).toContain('HTTP 503: This instance was stopped (stopped)\n')
  })

  it('exits with 1 and the error where it is refused', async () => {
    const { url } = await server([401, { error: { code: 'unauthorized', message: 'the token is wrong' } }])
    const io = new TestIo()
    expect(await send([url, '--stream', 'a', '--token', 'wrong', '--json', 'x'], io)).toBe(1)
    expect(io.err).toBe('HTTP 401: the token is wrong (unauthorized)\n')
    expect(JSON.parse(io.out)).toEqual({ error: { code: 'unauthorized', message: 'the token is wrong' } })
  })

  it.each([
    [404, '404 Not Found', 'HTTP 404: 404 Not Found (no-receipt)'],
    [405, 'Method Not Allowed', 'HTTP 405: Method Not Allowed (no-receipt)'],
    [200, '<html></html>', 'HTTP 200: <html></html> (no-receipt)'],
    [200, '{"ok":true}', 'HTTP 200: {"ok":true} (no-receipt)'],
    [404, '{"error":"no route"}', 'HTTP 404: {"error":"no route"} (no-receipt)'],
  ])(
    'says where to send to if the answer %i %s is not that of the publish routes',
    async (code, body, line) => {
      const { url } = await server([code, body])
      for (const [args, input] of [
        [[url, '--stream', 'a', 'x'], ''],
        [[url, '--ndjson'], '{}\n'],
      ] as const) {
        const io = new TestIo(input)
        expect(await send(args, io)).toBe(1)
        expect(io.err).toBe(
          `${line}\nexpected the URL where the app mounts sser.publishRoutes, such as https://shop.example/publish, got ${url}\n`,
        )
      }
    },
  )

  it('names the ways to pass a token where it sent none', async () => {
    const missing = { error: { code: 'unauthorized', message: 'the header is missing' } }
    const { url } = await server([401, missing])
    const io = new TestIo()
    expect(await send([url, '--stream', 'a', 'x'], io)).toBe(1)
    expect(io.err).toContain('\npass --token, or set the variable SSER_PUBLISH_TOKEN\n')
  })

  it.each([
    [1, 'there is no other Pod; 1 client listens on this one'],
    [0, 'there is no other Pod; 0 clients listen on this one'],
  ])('prints the receipt of a single Pod with %i clients', async (connections, words) => {
    const { url } = await server([200, { ...RECEIPT, peers: [], connections }])
    const io = new TestIo()
    expect(await send([url, '--stream', 'a', 'x'], io)).toBe(0)
    expect(io.out).toBe(`sent as Q0w8e2-kBG: ${words}\n`)
  })

  it('sends lines as they come, at most 1,000 in a request, and names the line that failed', async () => {
    const failed = {
      sent: 1,
      results: [
        { line: 1, receipt: RECEIPT },
        { line: 2, error: { code: 'invalid-json', message: 'got "{"' } },
      ],
    }
    const { url, requests } = await server(
      [200, { sent: 1_000, results: [] }],
      [200, { sent: 1, results: [] }],
      [400, failed],
    )
    const io = new TestIo('{}\n'.repeat(1_001), '{}\n{', '\n{}\n', '{}\n')
    expect(await send([url, '--ndjson'], io)).toBe(1)
    expect(requests.map(({ body }) => body.split('\n').length)).toEqual([1_000, 1, 1])
    expect(io.err).toBe('line 1003: got "{" (invalid-json)\n')
    expect(io.out).toBe('sent 1002 events\n')
  })

  it('ends with 130 after Ctrl-C', async () => {
    const url = await serveBy(() => {})
    const io = new TestIo()
    const code = send([url, '--stream', 'a', 'x'], io)
    io.interrupt()
    expect(await code).toBe(130)
  })

  it.each([
    [[], 'expected a URL such as https://shop.example/publish'],
    [['ftp://x', '--stream', 'a', 'x'], 'got "ftp://x"'],
    [['http://me:secret@x', '--stream', 'a', 'x'], 'without a user name and password'],
    [['http://x', 'x'], 'expected one --stream NAME, got 0'],
    [['http://x', '--stream', 'a', 'two', 'coffees'], 'put it in quotes, got "coffees" as well'],
    [['http://x', '--ndjson', '--stream', 'a'], '--ndjson: the lines name the stream'],
    [['http://x', '--stream', 'a', '--retries', 'many', 'x'], '--retries: expected a whole number'],
    [['http://x', '--stream', 'a', '--token', 'with space', 'x'], '--token: expected visible ASCII'],
    [['http://x', '--stream', 'a', '--header', 'nothing', 'x'], "--header: expected 'Name: value'"],
    [['http://x', '--streams', 'a'], "Unknown option '--streams'"],
  ])('exits with 2 for %j', async (args, message) => {
    const io = new TestIo()
    expect(await send(args, io)).toBe(2)
    expect(io.err).toContain(message)
    expect(io.err).toContain('Usage: npx sser send URL')
    expect(io.err).not.toContain('with space')
  })
})
