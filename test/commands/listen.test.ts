import type { IncomingMessage, ServerResponse } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { listen } from '../../src/commands/listen.ts'
import { send } from '../../src/commands/send.ts'
import { endAppServers, serveBy } from '../support/app-server.ts'
import { endPods, PodProcess } from '../support/pod-process.ts'
import { TestIo } from './io.ts'

afterEach(async () => {
  await endAppServers()
  await endPods()
})

const GREETING = (data: string, id: string) => `event: sser-position\nretry: 10\ndata: ${data}\nid: ${id}\n\n`
const STREAM = { 'content-type': 'text/event-stream; charset=utf-8' }

/** A server that answers one request after another. */
async function server(...answers: ((outgoing: ServerResponse) => void)[]) {
  const requests: IncomingMessage[] = []
  const url = await serveBy((incoming, outgoing) => {
    requests.push(incoming)
    answers[Math.min(requests.length, answers.length) - 1]?.(outgoing)
  })
  return { url: `${url}/events`, requests }
}
const events = (text: string) => (outgoing: ServerResponse) => void outgoing.writeHead(200, STREAM).end(text)
const cut = (text: string) => (outgoing: ServerResponse) => {
  outgoing.writeHead(200, STREAM).write(text, () => outgoing.destroy())
}
const status =
  (code: number, text = '') =>
  (outgoing: ServerResponse) =>
    void outgoing.writeHead(code).end(text)

describe('sser listen', () => {
  it('prints events and gaps, and comes back with its last id after an end, a cut and a full Pod', async () => {
    const { url, requests } = await server(
      events(
        `${GREETING('{"resumed":false}', 'i1')}stream: a\ndata: 1\nid: i2\n\nevent: sser-retry\nretry: 10\ndata: {"reason":"draining"}\n\n`,
      ),
      cut(
        `${GREETING('{"resumed":true}', 'i2')}stream: b\nevent: created\ndata: 2\ndata: 3\nid: i3\n\nstream: b\ndata: half`,
      ),
      status(429, 'This Pod takes 3 connections'),
      events(
        'event: sser-gap\nretry: 10\ndata: {"reason":"trimmed"}\nid: i5\n\nstream: a\ndata: 4\nid: i6\n\n',
      ),
      status(204),
    )
    const io = new TestIo()
    expect(await listen([url, '--stream', 'a', '--stream', 'b', '--from', 'oldest'], io)).toBe(0)
    expect(io.out).toBe('a: 1\nb created: 2\n3\n! gap: events may have been missed (trimmed)\na: 4\n')
    expect(requests.map(({ headers }) => headers['last-event-id'])).toEqual([
      undefined,
      'i2',
      'i3',
      'i3',
      'i6',
    ])
    expect(requests[0]?.url).toBe('/events?stream=a&stream=b&from=oldest&label=field')
    for (const note of [
      'connected\n',
      'the Pod ends the response: draining',
      'connected again, and resumes',
      'HTTP 429',
      'last id: i6',
    ])
      expect(io.err).toContain(note)
  })

  it('prints the stream of an event although a chunk ends inside of its name', async () => {
    const { url } = await server((outgoing) => {
      outgoing.writeHead(200, STREAM)
      const pieces = `${GREETING('{"resumed":false}', 'i1')}stream: orders\ndata: 1\nid: i2\n\n`.split(
        /(?=[rd])/,
      )
      const next = () => {
        const piece = pieces.shift()
        if (piece !== undefined) outgoing.write(piece, () => setTimeout(next, 1))
      }
      next()
    })
    const io = new TestIo()
    expect(await listen([url, '--stream', 'orders', '--count', '1'], io)).toBe(0)
    expect(io.out).toBe('orders: 1\n')
  })

  it('prints JSON lines for scripts, and ends after --count events', async () => {
    const { url } = await server((outgoing) => {
      outgoing.writeHead(200, STREAM)
      outgoing.write('event: sser-gap\nretry: 10\ndata: {"reason":"invalid-id"}\nid: i1\n\n')
      outgoing.write(
        'stream: a\ndata: 1\nid: i2\n\nstream: a\nevent: e\ndata: {"n":2}\nid: i3\n\nstream: a\ndata: 3\nid: i4\n\n',
      )
    })
    const io = new TestIo()
    expect(
      await listen([url, '--stream', 'a', '--json', '--count', '2', '--last-event-id', 'foreign'], io),
    ).toBe(0)
    expect(io.lines.map((line) => JSON.parse(line))).toEqual([
      { type: 'gap', id: 'i1', reason: 'invalid-id' },
      { type: 'event', id: 'i2', stream: 'a', data: '1' },
      { type: 'event', id: 'i3', stream: 'a', event: 'e', data: '{"n":2}' },
    ])
    expect(io.err).toContain('last id: i3\n')
  })

  it.each([
    [400, 'no such parameter', 'HTTP 400: no such parameter'],
    [403, '', 'HTTP 403'],
    [404, 'Not Found', 'HTTP 404: Not Found'],
    [200, '<html>', 'expected text/event-stream, got null'],
  ])('exits with 1 after the status %i', async (code, text, message) => {
    const { url } = await server(status(code, text))
    const io = new TestIo()
    expect(await listen([url, '--stream', 'a'], io)).toBe(1)
    expect(io.err).toContain(message)
    const fix = `expected the URL where the app mounts sser.routes, such as https://shop.example/events, got ${url}\n`
    expect(io.err.includes(fix)).toBe(code === 404 || code === 200)
  })

  it('ends with 130 after Ctrl-C, and prints the id from which it can go on', async () => {
    const { url } = await server(
      (outgoing) => void outgoing.writeHead(200, STREAM).write(GREETING('{"resumed":false}', 'i1')),
    )
    const io = new TestIo()
    const code = listen([url, '--stream', 'a'], io)
    await io.prints('connected')
    io.interrupt()
    expect(await code).toBe(130)
    expect(io.err).toContain('last id: i1\n')
  })

  it('shows control characters of a message harmlessly on a terminal, and passes them to a pipe', async () => {
    const { url } = await server(events(`stream: a\ndata: \u001b[2Jx\nid: i1\n\n`))
    for (const isTTY of [true, false]) {
      const io = new TestIo()
      io.stdout.isTTY = isTTY
      await listen([url, '--stream', 'a', '--count', '1'], io)
      expect(io.out).toBe(isTTY ? 'a: \ufffd[2Jx\n' : 'a: \u001b[2Jx\n')
    }
  })

  it.each([
    [['http://x'], 'expected at least one --stream NAME'],
    [['http://x', 'a', '--stream', 'a'], 'name streams by --stream, got "a" as well'],
    [['http://x', '--stream', 'a', '--count', '0'], '--count: expected a whole number from 1, got "0"'],
  ])('exits with 2 for %j', async (args, message) => {
    const io = new TestIo()
    expect(await listen(args, io)).toBe(2)
    expect(io.err).toContain(message)
  })

  it('receives what sser send has sent to a Pod, also after the Pod was killed and replaced', async () => {
    const hosts = ['127.0.176.1', '127.0.176.2']
    const start = (host: string) =>
      PodProcess.start({ runtime: 'node', host, peers: hosts.map((each) => `${each}:7110`) })
    const [first, second] = (await Promise.all(hosts.map(start))) as [PodProcess, PodProcess]
    const publish = async (...args: string[]) => {
      const io = new TestIo()
      await send([`${second.url}/publish`, '--stream', 'a', ...args], io)
      return io.out
    }
    expect(await publish('1')).toContain('sent as')
    const io = new TestIo()
    const code = listen([`${first.url}/events`, '--stream', 'a', '--from', 'oldest', '--count', '3'], io)
    await io.prints('a: 1\n')
    await first.kill()
    await publish('--event', 'created', '2')
    await start(hosts[0] as string)
    await publish('3')
    expect(await code).toBe(0)
    expect(io.out).toBe('a: 1\na created: 2\na: 3\n')
  })
})
