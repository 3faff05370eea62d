import { createServer } from 'node:http'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { httpDuplexTransport } from '../../src/runtime/node/http-transport.ts'
import { bindInternal } from '../../src/runtime/node/internal-listener.ts'
import { nodeHmac } from '../../src/runtime/node/runtime.ts'
import { fetchDuplexTransport } from '../../src/transport/peer-transport.ts'
import { RequestSigner } from '../../src/transport/request-signer.ts'
import { Signatures } from '../../src/transport/signatures.ts'
import { EXCHANGE_URL_PATH } from '../../src/wire/append-message.ts'
import { until, within } from '../support/until.ts'
import { Acceptor, type AcceptorOptions } from './exchange-acceptor.ts'
import { Caller, type CallerOptions } from './exchange-caller.ts'

const HOST = '127.0.0.1'
const SECRET = ['known to the Pods alone']
const TEXT = 'a text of an exchange'
const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** An accepting side on a port of its own. */
async function accepting(options: AcceptorOptions = {}): Promise<{ acceptor: Acceptor; host: string }> {
  const acceptor = new Acceptor({ hmacFactory: nodeHmac, ...options })
  const listener = await bindInternal(acceptor.app.fetch, {
    port: 0,
    hostname: HOST,
    signal: new AbortController().signal,
  })
  closing.push(() => listener.close(0))
  return { acceptor, host: `${HOST}:${listener.port}` }
}

const transports = {
  'Node’s client': httpDuplexTransport(undefined),
  fetch: fetchDuplexTransport(fetch),
}

async function call(host: string, options: Partial<CallerOptions> = {}): Promise<Caller> {
  const transport = transports['Node’s client']
  const caller = await Caller.open(host, { transport, hmacFactory: nodeHmac, ...options })
  closing.push(() => caller.exchange.abort(new Error('the test is over')))
  return caller
}

/** A socket with the head of an exchange; `headers` end with a line break each. */
async function raw(
  host: string,
  headers = '',
): Promise<{ socket: Socket; received: () => string; closed: Promise<unknown> }> {
  const socket = connect(Number(host.split(':')[1]), HOST)
  closing.push(() => socket.destroy())
  let text = ''
  socket
    .on('error', () => {})
    .on('data', (bytes) => {
      text += bytes
    })
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.write(
    `POST ${EXCHANGE_URL_PATH} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n${headers}\r\n`,
  )
  return { socket, received: () => text, closed }
}

const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`

describe.each(Object.entries(transports))('an exchange that %s opens', (_, transport) => {
  it('is open at once, and ends both directions when its signal aborts', async () => {
    const { acceptor, host } = await accepting({ secrets: SECRET })
    const abort = new AbortController()
    const caller = await call(host, { transport, secrets: SECRET, signal: abort.signal, uid: 'this-pod' })
    expect(await caller.echoes([TEXT])).toEqual([`echo ${TEXT}`])
    expect([acceptor.counts.accepted, caller.counts.opened]).toEqual([1, 1])
    abort.abort(new Error('enough'))
    expect(await caller.end()).toEqual(new Error('enough'))
    await until('the acceptor knows', () => acceptor.ends.length === 1)
    expect(acceptor.ends[0]).toBeInstanceOf(Error)
    expect([acceptor.counts.accepted, caller.counts.opened]).toEqual([0, 0])
  })

  it('ends without an error, and without a loss, where its certificate was renewed', async () => {
    const { acceptor, host } = await accepting()
    const caller = await call(host, { transport })
    caller.exchange.send(TEXT)
    caller.closeAll()
    expect(await caller.end()).toBe(undefined)
    expect([acceptor.texts, acceptor.ends, caller.texts]).toEqual([
      [TEXT],
      [undefined],
      [`echo ${TEXT}`, 'bye'],
    ])
    expect(caller.counts).toMatchObject({ opened: 0, fallbacks: 0 })
  })

  it('ends without an error where the accepting side ends it', async () => {
    const { acceptor, host } = await accepting()
    const caller = await call(host, { transport })
    await caller.echoes([TEXT])
    acceptor.exchanges[0]?.send('last')
    acceptor.exchanges[0]?.close()
    expect(await caller.end()).toBe(undefined)
    expect(caller.texts).toEqual([`echo ${TEXT}`, 'last'])
    await until('the acceptor knows', () => acceptor.ends.length === 1)
    expect([acceptor.counts.accepted, caller.counts.opened]).toEqual([0, 0])
  })

  it.each([404, 411, 413, 501, 302])('is rejected with the status %i of a peer', async (status) => {
    const server = createServer((_request, response) => response.writeHead(status, { location: '/' }).end())
    await new Promise<void>((resolve) => server.listen(0, HOST, resolve))
    closing.push(() => server.close())
    const { port } = server.address() as { port: number }
    await expect(call(`${HOST}:${port}`, { transport })).rejects.toMatchObject({ received: status })
  })

  it('is rejected where no process listens, and where the signal aborts before an answer', async () => {
    await expect(call(`${HOST}:1`, { transport })).rejects.toThrow()
    const server = createServer(() => {})
    await new Promise<void>((resolve) => server.listen(0, HOST, resolve))
    closing.push(() => server.close())
    const { port } = server.address() as { port: number }
    const abort = new AbortController()
    const opening = call(`${HOST}:${port}`, { transport, signal: abort.signal })
    server.once('request', () => abort.abort(new Error('too late')))
    await expect(opening).rejects.toThrow('too late')
  })
})

describe('the head of an exchange', () => {
  it.each([
    ['without a signature', undefined, 401],
    ['with the signature of another secret', ['another'], 401],
  ])('is rejected %s', async (_, secrets, status) => {
    const { acceptor, host } = await accepting({ secrets: SECRET })
    await expect(call(host, { secrets })).rejects.toMatchObject({ received: status })
    expect(acceptor.errors.rejected).toEqual({ unauthorized: 1 })
  })

  it('is accepted once', async () => {
    const { acceptor, host } = await accepting({ secrets: SECRET })
    const signatures = new Signatures(SECRET, systemClock)
    const signer = new RequestSigner({ signatures, allowGoPeers: false, allowUnsignedPeers: false })
    const { signed } = await signer.sign(
      { host, path: EXCHANGE_URL_PATH, headers: {} as Record<string, string> },
      '',
    )
    const header = `sser-signature: ${signed.headers['sser-signature']}\r\n`
    const first = await raw(host, header)
    await until('the first is open', () => first.received().startsWith('HTTP/1.1 200 '))
    const second = await raw(host, header)
    await within('the second ends', second.closed)
    expect(second.received()).toMatch(/^HTTP\/1.1 401 /)
    // A text needs the MAC of its own.
    first.socket.write(chunk(`${TEXT} ${TEXT} ${TEXT}\n`))
    await within('the first ends', first.closed)
    expect([acceptor.texts, acceptor.errors.rejected]).toEqual([[], { unauthorized: 2 }])
  })

  it('brings the sender the time of a peer whose clock differs by an hour', async () => {
    const { host } = await accepting({ secrets: SECRET })
    const caller = await call(host, { secrets: SECRET, skewMs: 3_600_000 })
    expect(await caller.echoes([TEXT])).toEqual([`echo ${TEXT}`])
  })

  it('needs no signature on either side while allowUnsignedPeers is on', async () => {
    const rollout = { secrets: SECRET, allowUnsignedPeers: true }
    const [old, updated] = [await accepting(), await accepting(rollout)]
    for (const [host, options] of [
      [old.host, rollout],
      [updated.host, {}],
      [updated.host, rollout],
    ] as const) {
      const caller = await call(host, options)
      expect(await caller.echoes([TEXT])).toEqual([`echo ${TEXT}`])
    }
    await expect(call(old.host, { secrets: SECRET })).rejects.toThrow('not signed with this peerSecret')
    await until('its connection is cut', () => old.acceptor.ends.length === 1)
  })

  it.each([
    ['is meant for another Pod', 'sser-target: another-pod\r\n', 421],
    ['is that of a web page', 'origin: http://page.example\r\n', 403],
  ])('is rejected where it %s', async (_, header, status) => {
    const { host } = await accepting()
    const { received, closed } = await raw(host, header)
    await within('its connection ends', closed)
    expect(received()).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  })

  it('is rejected with a body of declared length, and without the type of JSON', async () => {
    const { acceptor, host } = await accepting()
    const post = (headers: Record<string, string>, body: RequestInit['body']) =>
      fetch(`http://${host}${EXCHANGE_URL_PATH}`, {
        method: 'POST',
        headers,
        body,
        duplex: 'half',
      } as RequestInit)
    const whole = await post({ 'content-type': 'application/json' }, '{}')
    expect([whole.status, await whole.text()]).toEqual([
      400,
      'An exchange needs a body in chunks, because it stays open\n',
    ])
    expect((await post({ 'content-type': 'text/plain' }, new Blob(['a']).stream())).status).toBe(415)
    expect(acceptor.errors.rejected).toEqual({ 'invalid-peer-message': 1, 'unsupported-media-type': 1 })
  })

  it('is rejected beyond 256 exchanges of one address, until one of them ends', async () => {
    const { acceptor, host } = await accepting()
    const callers = await Promise.all(Array.from({ length: 256 }, () => call(host)))
    await expect(call(host)).rejects.toMatchObject({ received: 503 })
    expect(acceptor.errors.rejected).toEqual({ overloaded: 1 })
    callers[0]?.exchange.close()
    await until('one has ended', () => acceptor.counts.accepted === 255)
    expect(await (await call(host)).echoes([TEXT])).toEqual([`echo ${TEXT}`])
  })
})

describe('an open exchange', () => {
  it('ends where its body comes in one-byte chunks, and leaves the others open', async () => {
    const { acceptor, host } = await accepting()
    const other = await call(host)
    const { socket, closed } = await raw(host)
    socket.write(chunk('x').repeat(10_000))
    await within('its connection ends', closed)
    expect(acceptor.errors.rejected).toEqual({ 'body-too-large': 1 })
    expect(await other.echoes([TEXT])).toEqual([`echo ${TEXT}`])
  })

  it('ends where its peer reads none of the answers, with a bounded number of unread bytes', async () => {
    const { acceptor, host } = await accepting({ maxBufferedBytes: 2_000_000 })
    const other = await call(host)
    const { socket, closed } = await raw(host)
    await until('it is open', () => acceptor.exchanges.length === 2)
    socket.pause()
    const line = chunk(`${'x'.repeat(60_000)}\n`)
    const send = setInterval(() => socket.write(line), 1)
    closing.push(() => clearInterval(send))
    let most = 0
    await until('it is over', () => {
      most = Math.max(most, acceptor.exchanges[1]?.bufferedBytes ?? 0)
      return acceptor.ends.length === 1
    })
    clearInterval(send)
    expect([acceptor.errors.rejected, most < 2_200_000]).toEqual([{ overloaded: 1 }, true])
    socket.resume()
    await within('its connection ends', closed)
    expect(await other.echoes([TEXT])).toEqual([`echo ${TEXT}`])
  })

  it('ends where a text does not arrive in time', async () => {
    const { acceptor, host } = await accepting({ messageTimeoutMs: 100 })
    const { socket, closed } = await raw(host)
    socket.write(chunk('half of a text'))
    await within('its connection ends', closed)
    expect(acceptor.errors.rejected).toEqual({ 'body-timeout': 1 })
  })

  it('ends where its peer’s text is refused', async () => {
    const { acceptor, host } = await accepting()
    const caller = await call(host)
    await caller.echoes([TEXT])
    caller.exchange.send('wrong')
    expect(await caller.end()).toBeInstanceOf(Error)
    expect(acceptor.errors.rejected).toEqual({ 'invalid-peer-message': 1 })
  })
})
