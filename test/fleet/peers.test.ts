import type { Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PeerReceipt } from '../../src/index.ts'
import { endPods, PodProcess, type Runtime } from '../support/pod-process.ts'
import { closeClients, StreamClient } from '../support/stream-client.ts'
import { until } from '../support/until.ts'
import { TcpServer } from './proxy.ts'

const SCRIPT = fileURLToPath(new URL('./custom-pod.ts', import.meta.url))
const REQUEST_TIMEOUT_MS = 1_000

type Answer = (socket: Socket) => void
const head = (line: string, ...headers: string[]) => [`HTTP/1.1 ${line}`, ...headers, '', ''].join('\r\n')
/** One byte every 20 ms: always alive, never done. */
const drip = (socket: Socket, text: string) => {
  let sent = 0
  const timer = setInterval(() => {
    socket.write(text[sent++ % text.length] as string)
  }, 20)
  socket.on('close', () => clearInterval(timer))
}
const flood = (socket: Socket) => {
  while (!socket.destroyed && socket.write('x'.repeat(60_000))) {}
  socket.once('drain', () => flood(socket))
}

/** How a peer answers each request, and the reason in the receipt. */
const BAD: Record<string, { answer: Answer; reason: RegExp }> = {
  hangs: { answer: () => {}, reason: /no answer within 1000 ms/ },
  resets: { answer: (socket) => socket.resetAndDestroy(), reason: /./ },
  closes: { answer: (socket) => socket.end(), reason: /./ },
  'answers 500': {
    answer: (socket) => socket.write(`${head('500 Oh', 'content-length: 3')}no\n`),
    reason: /answered 500/,
  },
  'answers 500 for ever': {
    answer: (socket) => {
      socket.write(head('500 Oh', 'content-type: text/plain', 'connection: close'))
      drip(socket, 'no ')
    },
    reason: /answered 500|no answer within 1000 ms/,
  },
  redirects: {
    answer: (socket) =>
      socket.write(head('307 Away', 'location: http://127.0.80.100:7110/', 'content-length: 0')),
    reason: /answered 307|answered 0/,
  },
  'answers nonsense': {
    answer: (socket) => socket.write(`${head('200 OK', 'content-length: 4')}{"a"`),
    reason: /not JSON/,
  },
  'answers byte by byte': {
    answer: (socket) => drip(socket, head('200 OK', 'content-type: application/json', 'content-length: 99')),
    reason: /no answer within 1000 ms/,
  },
  'answers a body byte by byte': {
    answer: (socket) => {
      socket.write(head('200 OK', 'content-type: application/json', 'content-length: 99999'))
      drip(socket, ' ')
    },
    reason: /no answer within 1000 ms/,
  },
  'answers without end': {
    answer: (socket) => {
      socket.write(head('200 OK', 'connection: close'))
      flood(socket)
    },
    reason: /at most 8388608 bytes|no answer within 1000 ms/,
  },
}

describe.each<[Runtime, number]>([
  ['node', 80],
  ['bun', 81],
])('a Pod under %s whose peers fail in every way', (runtime, net) => {
  const bad = new Map<string, TcpServer>()
  const requests = new Map<string, number>()
  let trap: TcpServer
  let good: PodProcess
  let pod: PodProcess
  const address = (i: number) => `127.0.${net}.${i}`
  const receiptOf = (name: string, peers: readonly PeerReceipt[]) =>
    peers.find(({ peer }) => peer === bad.get(name)?.host) as PeerReceipt
  const states = async () => (await pod.state()).peers

  beforeAll(async () => {
    trap = await TcpServer.listen(address(100), 7110, (socket) => socket.destroy())
    let i = 10
    for (const [name, { answer }] of Object.entries(BAD)) {
      const listening = TcpServer.listen(address(i++), 7110, (socket) => {
        socket.on('data', (chunk: Buffer) => {
          if (!chunk.toString('latin1').startsWith('POST ')) return
          requests.set(name, (requests.get(name) ?? 0) + 1)
          answer(socket)
        })
      })
      bad.set(name, await listening)
    }
    good = await PodProcess.start({ runtime, host: address(2), peers: [`${address(1)}:7110`] })
    const OPTIONS = JSON.stringify({
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      initialSyncTimeoutMs: 0,
      drainTimeoutMs: 0,
      flushTimeoutMs: 0,
    })
    const peers = [...[...bad.values()].map(({ host }) => host), `${good.options.host}:7110`]
    pod = await PodProcess.start({ runtime, host: address(1), peers, script: SCRIPT, env: { OPTIONS } })
    // The Pod counts itself among its peers until it has answered itself.
    await until('all are known', async () => {
      const all = (await states()).map(({ state }) => state)
      return all.includes('self') && !all.includes('connecting')
    })
  })

  afterAll(async () => {
    closeClients()
    await endPods()
    for (const server of [...bad.values(), trap]) await server.cut()
  })

  test('names each of them in the receipt at once, and serves the healthy one', async () => {
    const client = await StreamClient.open(good.url, 'a')
    const sends: number[] = []
    for (let i = 0; i < 100; i += 1) {
      const start = performance.now()
      const { peers } = await pod.send('a', `event ${i}`)
      sends.push(performance.now() - start)
      expect(peers).toHaveLength(bad.size + 1)
      expect(peers.find(({ peer }) => peer === `${good.options.host}:7110`)?.status).toBe('delivered')
      for (const name of bad.keys()) {
        const { status, reason = '' } = receiptOf(name, peers)
        // It may still respond where it did not in time.
        const expected = reason.startsWith('no answer') ? 'pending' : 'failed'
        expect([name, status]).toEqual([name, expected])
      }
    }
    await until('the good one’s client has all', () => client.received.length === 100)
    sends.sort((a, b) => a - b)
    console.log(
      `${runtime}: send() beside ${bad.size} bad peers: median ${sends[50]} ms, slowest ${sends[99]} ms`,
    )
    expect(sends[50]).toBeLessThan(REQUEST_TIMEOUT_MS / 2)
    const { peers } = await pod.send('a', 'reasons')
    for (const [name, { reason }] of Object.entries(BAD))
      expect(receiptOf(name, peers).reason).toMatch(reason)
  })

  test('backs off from each of them, however much is sent', async () => {
    const before = new Map(requests)
    const start = performance.now()
    while (performance.now() - start < 2_000) {
      await pod.send('a', 'x'.repeat(1_000))
      await pause(5)
    }
    // A wait of at least 100, 200, 400, 800 and 1,600 ms after each failure.
    for (const name of bad.keys()) {
      const asked = (requests.get(name) ?? 0) - (before.get(name) ?? 0)
      expect(asked, name).toBeLessThanOrEqual(5)
    }
    expect((await states()).filter(({ state }) => state === 'failing')).toHaveLength(bad.size)
  })

  test('follows no redirect, and aborts every response that does not end', async () => {
    expect(requests.get('redirects')).toBeGreaterThan(0)
    expect(trap.accepted).toBe(0)
    for (const name of [
      'hangs',
      'answers byte by byte',
      'answers a body byte by byte',
      'answers without end',
    ]) {
      await until(`the connection is closed: ${name}`, () => bad.get(name)?.sockets.size === 0)
    }
    expect(pod.stderr).toBe('')
  })
})
