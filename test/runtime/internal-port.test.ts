import { describe, expect, it } from 'vitest'
import { DnsPeerFinder } from '../../src/dns.ts'
import {
  LocalhostPeerFinder,
  type PeerFinder,
  Sser,
  type SserOptions,
  StaticPeerFinder,
  WorkerPeerFinder,
} from '../../src/index.ts'
import { join, serve as serveWithNode } from '../../src/node.ts'
import { type InternalAddressOptions, internalAddress } from '../../src/runtime/internal-port.ts'
import type { ServerSide } from '../../src/server-side.ts'
import { serverSideOf } from '../../src/sser.ts'

const remote = new StaticPeerFinder(['10.0.0.1', '10.0.0.2'])
const peerSecret = 'known to the Pods of the test'

function address(settings: SserOptions, options: Partial<InternalAddressOptions> = {}): string | undefined {
  const sser = new Sser({ peerFinder: remote, ...settings })
  return internalAddress({ internalPort: 7_000, ...options }, serverSideOf(sser) as ServerSide)
}

describe('the address of an internal port with neither peerSecret nor internalTls', () => {
  it.each([
    [{}, 'all addresses'],
    [{ hostname: '0.0.0.0' }, '0.0.0.0'],
    [{ hostname: '127.0.0.1', internalHostname: '10.0.0.1' }, '10.0.0.1'],
    [{ hostname: '10.0.0.1' }, '10.0.0.1'],
    [{ hostname: '::' }, '::'],
    [{ hostname: '' }, ''],
  ])('is rejected beyond loopback: %j', (options, shown) => {
    expect(() => address({}, options)).toThrow(
      expect.objectContaining({
        code: 'open-internal-port',
        message: [
          `The internal port 7000 would be open on ${shown}: every process that reaches it could send to every client. Choose one:`,
          '- new Sser({ peerSecret }), the same secret on all Pods: they sign their messages',
          '- internalTls, an option of serve() and join(): they authenticate by certificates',
          "- internalHostname: '127.0.0.1' if all Pods are on this machine, or new Sser({ allowOpenInternalPort: true }) if only Pods reach the port",
        ].join('\n'),
      }),
    )
  })

  it.each(['127.0.0.1', '127.0.51.2', '::1', 'localhost'])('may be %s', (host) => {
    expect(address({}, { hostname: host })).toBe(host)
    expect(address({}, { hostname: '0.0.0.0', internalHostname: host })).toBe(host)
  })

  it.each([
    ['no peer finder', undefined],
    ['a LocalhostPeerFinder', new LocalhostPeerFinder()],
    ['the workers of this machine', new WorkerPeerFinder({ ports: [7_000, 7_001] })],
    ['a static list of this machine', new StaticPeerFinder(['127.0.0.1:7000', 'localhost:7001'])],
  ])('is 127.0.0.1 with %s, unless another one is given', (_, peerFinder) => {
    expect(address({ peerFinder })).toBe('127.0.0.1')
    expect(address({ peerFinder }, { hostname: '0.0.0.0' })).toBe('127.0.0.1')
    expect(address({ peerFinder }, { hostname: '127.0.51.2' })).toBe('127.0.51.2')
    expect(() => address({ peerFinder }, { internalHostname: '0.0.0.0' })).toThrow('on 0.0.0.0')
  })

  const unknown: PeerFinder = { start: (options) => remote.start(options) }
  it.each([
    ['workers of other machines', new WorkerPeerFinder({ ports: [7_000], peerFinder: remote })],
    ['a DnsPeerFinder', new DnsPeerFinder({ hostname: 'web.internal' })],
    ['a static list with another address of loopback', new StaticPeerFinder(['127.0.0.1', '127.0.0.2'])],
    ['a finder of the app', unknown],
  ])('is rejected with %s', (_, peerFinder) => {
    expect(() => address({ peerFinder })).toThrow('The internal port 7000 would be open on all addresses')
  })
})

describe('the address of an internal port', () => {
  it.each([
    ['a peerSecret', { peerSecret }, {}],
    ['allowOpenInternalPort', { allowOpenInternalPort: true }, {}],
    ['internalTls', {}, { internalTls: { keyFile: 'k', certFile: 'c', caFile: 'a' } }],
  ])('is as given with %s', (_, settings, options) => {
    expect(address(settings, options)).toBeUndefined()
    expect(address(settings, { ...options, hostname: '0.0.0.0' })).toBe('0.0.0.0')
    expect(address(settings, { ...options, hostname: '::1', internalHostname: '10.0.0.1' })).toBe('10.0.0.1')
  })
})

it('serve() binds nothing, and starts nothing, where the internal port would be open', async () => {
  const sser = new Sser({ peerFinder: remote, internalPort: 0, logger: false })
  const listeners = process.listenerCount('SIGTERM')
  await expect(serveWithNode({ sser, fetch: () => new Response(), port: 0 })).rejects.toMatchObject({
    code: 'open-internal-port',
  })
  expect(sser.state).toBe('idle')
  expect(process.listenerCount('SIGTERM')).toBe(listeners)
})

it('join() rejects before it starts, where the internal port would be open', async () => {
  const sser = new Sser({ peerFinder: remote, internalPort: 0, logger: false })
  await expect(join({ sser })).rejects.toMatchObject({ code: 'open-internal-port' })
  expect(sser.state).toBe('idle')
})

it('serve() binds the internal port of a Pod without a secret and without peers to 127.0.0.1 alone', async () => {
  const lines: string[] = []
  const logger = { info: (line: string) => lines.push(line), warn: (line: string) => lines.push(line) }
  const sser = new Sser({ internalPort: 0, logger })
  await using served = await serveWithNode({
    sser,
    fetch: () => new Response('app'),
    hostname: '0.0.0.0',
    port: 0,
  })
  const { port, internalPort } = served
  expect((await fetch(`http://127.0.0.1:${internalPort}/livez`)).status).toBe(200)
  await expect(fetch(`http://127.0.51.9:${internalPort}/livez`)).rejects.toThrow('fetch failed')
  expect(await (await fetch(`http://127.0.51.9:${port}/`)).text()).toBe('app')
  expect(lines).toContain(
    `sser: starts, with the internal port ${internalPort} on 127.0.0.1, and looks for its peers`,
  )
  expect(lines.filter((line) => line.includes('open'))).toEqual([])
})
