import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Sser, StaticPeerFinder } from '../../src/index.ts'
import { join, serve } from '../../src/node.ts'
import { listenLine } from '../../src/runtime/listen-line.ts'

const SECRET = 'a secret of the fleet'
const stops: (() => Promise<void>)[] = []
const lines: string[] = []

beforeEach(() => {
  lines.length = 0
  vi.spyOn(console, 'info').mockImplementation((line: string) => void lines.push(line))
})
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
  vi.restoreAllMocks()
})

describe('the line of a server that listens', () => {
  test('names the public and the internal port, as bound, on the default logger', async () => {
    const sser = new Sser({ peerFinder: new StaticPeerFinder([]), internalPort: 0 })
    const served = await serve({ sser, fetch: () => new Response(), port: 0, hostname: '127.0.0.1' })
    stops.push(served.stop)
    expect(lines.filter((line) => line.includes('listens'))).toEqual([
      `sser: listens: public port ${served.port} on 127.0.0.1; internal port ${served.internalPort} on 127.0.0.1 (loopback, without authentication); ops routes on the internal port`,
    ])
  })

  test('names the ports of join()', async () => {
    const sser = new Sser({ peerFinder: new StaticPeerFinder([]), peerSecret: SECRET, internalPort: 0 })
    const pod = await join({ sser, opsPort: 0, signals: false })
    stops.push(pod.stop)
    expect(lines.filter((line) => line.includes('listens'))).toEqual([
      `sser: listens: public port of the app; internal port ${pod.internalPort} on all addresses (signed by peerSecret); ops port ${pod.opsPort} on all addresses`,
    ])
  })

  test('names mutual TLS', () => {
    const internal = { port: 7_000, hostname: '::1' }
    const ports = { public: { port: 80, hostname: undefined }, internal, ops: undefined }
    expect(listenLine({ ...ports, isSigned: true, isTls: true })).toBe(
      'listens: public port 80 on all addresses; internal port 7000 on ::1 (loopback, mutual TLS, signed by peerSecret); ops routes on the internal port',
    )
  })
})

test('a port beyond loopback without authentication is called open', () => {
  const internal = { port: 7_000, hostname: undefined }
  const line = listenLine({ public: undefined, internal, ops: undefined, isSigned: false, isTls: false })
  expect(line).toContain('internal port 7000 on all addresses (open to every process that reaches it)')
})

test('a signal logs the steps of the stop with their time limits', async () => {
  const sser = new Sser({ peerFinder: new StaticPeerFinder([]), internalPort: 0 })
  const before = new Set(process.listeners('SIGTERM'))
  const served = await serve({ sser, fetch: sser.handler, port: 0, hostname: '127.0.0.1' })
  const own = process.listeners('SIGTERM').filter((listener) => !before.has(listener))
  // An app that listens itself ends its own process.
  const appListener = () => {}
  process.on('SIGTERM', appListener)
  lines.length = 0
  for (const listener of own) (listener as () => void)()
  await served.stop()
  for (const listener of [...own, appListener]) process.off('SIGTERM', listener)
  expect(lines).toEqual([
    'sser: stops on SIGTERM, with requests in flight answered within 10000 ms (requestDrainTimeoutMs). A second signal ends the process at once',
  ])
})
