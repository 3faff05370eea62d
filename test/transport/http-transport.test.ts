import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { httpTransport } from '../../src/runtime/node/http-transport.ts'
import type { PeerRequest, PeerResponse } from '../../src/transport/peer-transport.ts'
import { until } from '../support/until.ts'

/** A peer that writes the given pieces one by one, valid HTTP or not. */
class Scripted {
  readonly requests: string[] = []
  readonly sockets: Socket[] = []
  host = ''
  readonly #server: Server

  constructor(pieces: readonly (string | Buffer)[], { ends = false } = {}) {
    this.#server = createServer((socket) => {
      this.sockets.push(socket)
      socket.on('error', () => {})
      socket.on('data', async (chunk) => {
        this.requests.push(chunk.toString())
        for (const piece of pieces) {
          if (socket.destroyed) return
          socket.write(piece)
          await new Promise((resolve) => setImmediate(resolve))
        }
        if (ends) socket.end()
      })
    })
    running.push(this)
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    this.host = `127.0.0.1:${(this.#server.address() as { port: number }).port}`
    return this
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy()
    this.#server.close()
  }
}

const running: Scripted[] = []
afterEach(() => {
  for (const peer of running.splice(0)) peer.close()
})

const letter = (host: string, more: Partial<PeerRequest> = {}): PeerRequest => ({
  host,
  path: '/append',
  headers: { 'content-type': 'application/json' },
  body: '{"a":"é"}',
  maxBytes: 100,
  signal: AbortSignal.timeout(30_000),
  ...more,
})

async function ask(pieces: readonly (string | Buffer)[], more?: { ends?: boolean }): Promise<PeerResponse> {
  const peer = await new Scripted(pieces, more).listen()
  return httpTransport(undefined)(letter(peer.host))
}

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}'

describe('a POST with Node’s own client', () => {
  it('sends the headers that HTTP requires', async () => {
    const peer = await new Scripted([OK]).listen()
    await httpTransport(undefined)(letter(peer.host, { headers: { 'sser-target': 'uid-1' } }))
    expect(peer.requests).toEqual([
      `POST /append HTTP/1.1\r\nsser-target: uid-1\r\ncontent-length: 10\r\nHost: ${peer.host}\r\nConnection: keep-alive\r\n\r\n{"a":"é"}`,
    ])
  })

  const readable: [string, (string | Buffer)[], PeerResponse][] = [
    ['in one piece', [OK], { status: 200, body: '{}' }],
    ['byte by byte', [...OK], { status: 200, body: '{}' }],
    [
      'cut inside a character',
      ['HTTP/1.1 200 OK\r\nContent-Length:2\r\n\r\n', Buffer.from([0xc3]), Buffer.from([0xa9])],
      { status: 200, body: 'é' },
    ],
    [
      'in chunks',
      [
        ...'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\n{"\r\nB\r\na":"234567"\r\n1\r\n}\r\n0\r\nx: y\r\n\r\n',
      ],
      { status: 200, body: '{"a":"234567"}' },
    ],
    [
      'after an early hint',
      [`HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n${OK}`],
      { status: 200, body: '{}' },
    ],
    [
      'with another status',
      ['HTTP/1.1 404 Not Found\r\ncontent-length: 3\r\n\r\nno!'],
      { status: 404, body: '' },
    ],
    [
      'with an endless error',
      ['HTTP/1.1 500 Oops\r\ncontent-length: 999999\r\n\r\nx'],
      { status: 500, body: '' },
    ],
    ['with another protocol', ['HTTP/1.1 101 Switching Protocols\r\n\r\n'], { status: 101, body: '' }],
    ['without a reason', ['HTTP/1.1 200\r\ncontent-length: 2\r\n\r\n{}'], { status: 200, body: '{}' }],
  ]
  it.each(readable)('reads a response that comes %s', async (_, pieces, answer) => {
    expect(await ask(pieces)).toEqual(answer)
  })

  it('reads a response that ends with the connection', async () => {
    expect(await ask(['HTTP/1.1 200 OK\r\n\r\n{', '}'], { ends: true })).toEqual({ status: 200, body: '{}' })
  })

  it.each([
    ['SSH-2.0-OpenSSH\r\n\r\n'],
    ['HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}}'],
    ['HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}'],
    ['HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\n{}'],
    ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}'],
    ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{}\r\n'],
    [`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(20_000)}`],
  ])('rejects a response that is ambiguous or no HTTP: %.60j', async (text) => {
    await expect(ask([text])).rejects.toThrow(/^Parse Error/)
  })

  it.each([
    ['HTTP/1.1 200 OK\r\ncontent-length: 101\r\n\r\n'],
    [`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n65\r\n${'x'.repeat(101)}`],
    [`HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(101)}`],
  ])('rejects a response that is too large: %.60j', async (text) => {
    await expect(ask([text])).rejects.toMatchObject({ code: 'body-too-large' })
  })

  it('rejects a response that breaks off', async () => {
    const broken = ask(['HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{}'], { ends: true })
    await expect(broken).rejects.toThrow('aborted')
  })

  it('rejects where no process listens', async () => {
    const peer = await new Scripted([]).listen()
    peer.close()
    await expect(httpTransport(undefined)(letter(peer.host))).rejects.toThrow('ECONNREFUSED')
  })

  it('closes the connection when the signal aborts, and rejects with its reason', async () => {
    const peer = await new Scripted([]).listen()
    const abort = new AbortController()
    const asked = httpTransport(undefined)(letter(peer.host, { signal: abort.signal }))
    await until('the request', () => peer.requests.length === 1)
    abort.abort(new Error('too late'))
    await expect(asked).rejects.toThrow('too late')
    await until('the end of the connection', () => peer.sockets.every(({ destroyed }) => destroyed))
  })

  it('posts again on the same connection, one request at a time', async () => {
    const peer = await new Scripted([OK]).listen()
    const transport = httpTransport(undefined)
    for (let i = 0; i < 3; i += 1) await transport(letter(peer.host))
    expect(peer.sockets.length).toBe(1)
    await Promise.all([transport(letter(peer.host)), transport(letter(peer.host))])
    expect(peer.sockets.length).toBe(2)
  })

  it.each([
    ['says so', 'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}'],
    ['speaks HTTP/1.0', 'HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\n{}'],
    ['has not ended an error', 'HTTP/1.1 500 Oops\r\ncontent-length: 9\r\n\r\nx'],
  ])('opens a new connection after a peer that %s', async (_, text) => {
    const peer = await new Scripted([text]).listen()
    const transport = httpTransport(undefined)
    await transport(letter(peer.host))
    await transport(letter(peer.host))
    expect(peer.sockets.length).toBe(2)
  })

  it('opens a new connection where the peer has closed the old one', async () => {
    const peer = await new Scripted([OK]).listen()
    const transport = httpTransport(undefined)
    await transport(letter(peer.host))
    peer.sockets[0]?.destroy()
    // A request that meets a connection as it closes fails, and is not posted twice.
    const isAnswered = () =>
      transport(letter(peer.host)).then(
        ({ body }) => body === '{}',
        () => false,
      )
    await until('an answer', isAnswered)
    expect(peer.sockets.length).toBe(2)
  })
})
