import { afterEach, describe, expect, it } from 'vitest'
import type { RawClient } from '../support/stream-client.ts'
import { until, within } from '../support/until.ts'
import { listen, SecuredFleet } from './fleet.ts'

const fleet = new SecuredFleet('127.0.75')
afterEach(() => fleet.stop())

describe('a client that does not read', () => {
  it.each([
    ['the fast path', { fastPath: true }],
    ['the usual way', { fastPath: false }],
  ])('is disconnected, by %s; one that reads is not', async (_, serving) => {
    const pod = await fleet.one({
      heartbeatMs: 1_000,
      slowClientTimeoutMs: 1_000,
      maxMessageBytes: 1_048_576,
      serving,
    })
    const [stalled, reads] = (await Promise.all([listen(pod, 'a'), listen(pod, 'a')])) as [
      RawClient,
      RawClient,
    ]
    stalled.socket.pause()
    // More than the kernel holds for it.
    for (let i = 0; i < 24; i += 1) await pod.sser.send('a', 'x'.repeat(1_000_000))
    await until('it is cut', () => pod.sser.connections === 1)
    expect(pod.sser.stats().rejected).toMatchObject({ 'slow-client': 1 })
    stalled.socket.resume()
    await within('its socket is closed', stalled.closed)
    reads.take()
    await pod.sser.send('a', 'the end')
    await reads.holds('the end', (text) => text.includes('the end'))
    expect(pod.errors).toEqual([])
  })
})

describe('many clients that do not read', () => {
  it.each([
    ['the fast path', true],
    ['the usual way', false],
  ])('buffer no more together than maxOutputBufferBytes, by %s; a reader stays', async (_, fastPath) => {
    const pod = await fleet.one({
      maxOutputBufferBytes: 4_194_304,
      maxMessageBytes: 1_048_576,
      logMaxBytes: 64_000_000,
      serving: { fastPath },
    })
    // Each has a stream of its own, so that no two share a chunk.
    const stalled = await Promise.all(Array.from({ length: 12 }, (_, i) => listen(pod, 'a', `own-${i}`)))
    const reads = await listen(pod, 'a')
    for (const { socket } of stalled) socket.pause()
    for (let i = 0; i < 24; i += 1) {
      for (let k = 0; k < 12; k += 1) void pod.sser.send(`own-${k}`, `${k}`)
      reads.take()
      await pod.sser.send('a', `${'x'.repeat(1_000_000)} message ${i}.`)
      await reads.holds(`message ${i}`, (text) => text.includes(` message ${i}.`))
    }
    await until('some are cut', () => (pod.sser.stats().rejected['output-buffers-full'] ?? 0) > 0)
    const { 'output-buffers-full': cut = 0 } = pod.sser.stats().rejected
    expect(cut).toBeLessThan(12)
    expect(pod.sser.connections).toBe(13 - cut)
    reads.take()
    await pod.sser.send('a', 'the end')
    await reads.holds('the end', (text) => text.includes('the end'))
    expect(pod.errors).toEqual([])
  })
})

describe('a client that reads nothing and whose connection ends', () => {
  it.each([
    ['the fast path', true],
    ['the usual way', false],
  ])('has its socket closed after a while, by %s', async (_, fastPath) => {
    const authorize = () => ({ tags: ['ann'] })
    const pod = await fleet.one({ authorize, maxMessageBytes: 1_048_576, serving: { fastPath } })
    const sockets = () =>
      process.getActiveResourcesInfo().filter((name) => name.startsWith('TCPSocket')).length
    const stalled = await Promise.all([1, 2, 3].map(() => listen(pod, 'a')))
    for (const { socket } of stalled) socket.pause()
    const before = sockets()
    // More than the kernel holds for them.
    for (let i = 0; i < 24; i += 1) {
      await pod.sser.send('a', 'x'.repeat(1_000_000))
      // In one turn the kernel would be asked to hold next to nothing: a body is read chunk by chunk.
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    await pod.sser.disconnect({ tag: 'ann' })
    expect(pod.sser.connections).toBe(0)
    await until('their sockets are gone', () => sockets() <= before - 3)
  })
})
