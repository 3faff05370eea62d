import { once } from 'node:events'
import { type ClientRequest, createServer, type IncomingMessage, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { acceptNodeDuplex, NodeDuplex } from '../../src/runtime/node/node-duplex.ts'
import { until } from '../support/until.ts'

let server: Server
let posting: ClientRequest
let accepted: NodeDuplex
let opened: NodeDuplex

beforeEach(async () => {
  server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  posting = request({ port, method: 'POST', headers: { 'transfer-encoding': 'chunked' } })
  posting.flushHeaders()
  const [incoming, outgoing] = await once(server, 'request')
  accepted = acceptNodeDuplex(incoming, outgoing, {})?.duplex as NodeDuplex
  const [response] = (await once(posting, 'response')) as [IncomingMessage]
  opened = new NodeDuplex(posting, response)
})

afterEach(() => {
  posting.destroy()
  server.close()
})

/** Reads numbers, one a line; `waits`: a promise for each chunk to wait for. */
function read(duplex: NodeDuplex, waits: () => Promise<void> | undefined = () => undefined) {
  const result = { text: '', isEnded: false, isReading: false, overlaps: 0 }
  duplex.read({
    onBytes(bytes) {
      if (result.isReading) result.overlaps += 1
      result.text += new TextDecoder().decode(bytes)
      const wait = waits()
      if (wait === undefined) return undefined
      result.isReading = true
      return wait.then(() => {
        result.isReading = false
      })
    },
    onEnd() {
      result.isEnded = true
    },
  })
  return result
}

const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => `${from + i}\n`).join('')

describe.each(['request', 'response'])('the body of a %s', (kind) => {
  const ends = () =>
    (kind === 'request' ? [opened, accepted] : [accepted, opened]) as [NodeDuplex, NodeDuplex]

  test('is read whole and in order, from before its reader came to its end', async () => {
    const [writer, reader] = ends()
    for (let i = 0; i < 50; i += 1) writer.write(`${i}\n`)
    await new Promise((resolve) => setImmediate(resolve))
    const result = read(reader)
    for (let i = 50; i < 100; i += 1) writer.write(`${i}\n`)
    await until('the first lines', () => result.text.includes('99\n'), 10_000)
    for (let i = 100; i < 150; i += 1) {
      writer.write(`${i}\n`)
      if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    writer.end()
    await until('the end', () => result.isEnded, 10_000)
    expect(result.text.trimStart()).toBe(lines(0, 150))
  })

  test('is read no further while its reader waits', async () => {
    const [writer, reader] = ends()
    const result = read(reader, () => new Promise((resolve) => setImmediate(resolve)))
    const filling = 'x'.repeat(1_000)
    for (let i = 0; i < 2_000; i += 1) {
      writer.write(`${i}${filling}\n`)
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    writer.end()
    await until('the end', () => result.isEnded, 30_000)
    expect(result.text.replaceAll(filling, '').trimStart()).toBe(lines(0, 2_000))
    expect(result.overlaps).toBe(0)
  })
})
