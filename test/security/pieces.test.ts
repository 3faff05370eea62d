import type { Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TcpServer } from '../fleet/proxy.ts'
import { RawClient } from '../support/stream-client.ts'
import { until, within } from '../support/until.ts'
import { Target } from './target.ts'

const V1 = '/api/json/v1/send'
const V2 = '/api/json/v2/append'
const MIB = 1_048_576
const SIGNATURE = `sser-signature: t=${Date.now()}, s=0123456789abcdef, n=1, m=${'A'.repeat(43)}`
/** A body in chunks of one byte each. */
const CHUNKS = Buffer.from('1\r\na\r\n'.repeat(20_000))
/** Maximum memory of the Pod: a list of the pieces would need ten times as much. */
const MAX_BYTES = 300 * MIB

/** Writes for as long as the other side reads. */
function flood(socket: Socket, bytes: Buffer): void {
  const go = () => {
    while (socket.writable) if (!socket.write(bytes)) return
  }
  socket.on('drain', go).on('error', () => {})
  go()
}

describe.each([
  ['node', '127.0.145'],
  ['bun', '127.0.146'],
] as const)('under %s', (runtime, net) => {
  /** Answers at the address of a peer. */
  let impostor: TcpServer
  beforeAll(async () => {
    impostor = await TcpServer.listen(`${net}.2`, 7110, (socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
        flood(socket, CHUNKS)
      })
    })
  })
  afterAll(() => impostor.cut())
  const target = Target.forAll(runtime, `${net}.1`, {
    peers: [`${net}.2:7110`],
    settings: {
      peerSecret: 'known to the Pods alone',
      initialSyncTimeoutMs: 0,
      internalBodyTimeoutMs: 2_000,
    },
  })

  /** Expects that the Pod never needs much memory. */
  async function needsLittleMemoryFor(attack: () => Promise<unknown>): Promise<void> {
    await target.endures(attack)
    expect(target.peakBytes ?? 0).toBeLessThan(MAX_BYTES)
  }

  async function begin(path: string, headers: string): Promise<RawClient> {
    const raw = await RawClient.open(target.internalUrl)
    const type = 'content-type: application/json'
    raw.socket.write(`POST ${path} HTTP/1.1\r\nhost: x\r\n${type}\r\n${SIGNATURE}\r\n${headers}\r\n\r\n`)
    return raw
  }

  test('answers 411 to a body in one-byte chunks, and closes the connection', async () => {
    await needsLittleMemoryFor(async () => {
      for (const path of [V2, V2, V2, V2, '/livez', '/anything']) {
        const raw = await begin(path, 'transfer-encoding: chunked')
        flood(raw.socket, CHUNKS)
        await within('its connection ends', raw.closed)
        if (path === V2 && raw.text !== '') expect(raw.text).toMatch(/^HTTP\/1\.1 411 /)
      }
    })
  })

  test('answers 411 without a Content-Length, and 401 to v1 before its body', async () => {
    const bare = await begin(V2, 'x: y')
    await bare.holds('a 411', (text) => text.startsWith('HTTP/1.1 411 '))
    const v1 = await begin(V1, 'transfer-encoding: chunked')
    await v1.holds('a 401', (text) => text.startsWith('HTTP/1.1 401 '))
    await within('their connections end', Promise.all([bare.closed, v1.closed]))
  })

  test('reads a body in one-byte segments, and rejects it at the time limit', async () => {
    await needsLittleMemoryFor(async () => {
      const raws = await Promise.all(Array.from({ length: 8 }, () => begin(V2, 'content-length: 8388608')))
      const drip = setInterval(() => {
        for (const { socket } of raws) for (let i = 0; i < 20; i += 1) socket.write('a')
      }, 1)
      try {
        await within('their connections end', Promise.all(raws.map(({ closed }) => closed)))
        // All of them together may also be too much. A client that sends on after the close may lose the answer.
        for (const { text } of raws) expect(text).toMatch(/^(?:HTTP\/1\.1 (?:408|413|503) |$)/)
      } finally {
        clearInterval(drip)
      }
      const short = await begin(V2, 'content-length: 300')
      for (let i = 0; i < 300; i += 1) {
        await new Promise((resolve) => short.socket.write('a', resolve))
      }
      await short.holds('it was read', (text) => text.includes('the signature is wrong'))
    })
  })

  test('aborts a peer’s response that comes in one-byte chunks', async () => {
    await needsLittleMemoryFor(async () => {
      // Bun takes the chunks apart by itself, and hands on larger pieces.
      const isCutOff = async () =>
        (await target.state()).peers.some(({ lastError }) =>
          /small pieces|at most|no answer/.test(lastError ?? ''),
        )
      await until('it is cut off', isCutOff)
    })
  })
})
