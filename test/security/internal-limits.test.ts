import { afterEach, describe, expect, it } from 'vitest'
import { RawClient } from '../support/stream-client.ts'
import { within } from '../support/until.ts'
import { raws, SecuredFleet, type SecuredPod } from './fleet.ts'

const fleet = new SecuredFleet('127.0.76')
afterEach(() => fleet.stop())

/** Begins to append, with these headers, and without the end of the body. */
async function begin(url: string, headers: string, from?: string): Promise<RawClient> {
  const raw = await RawClient.open(url, from)
  raws.push(raw)
  raw.socket.write(
    `POST /api/json/v2/append HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${headers}\r\n\r\n`,
  )
  return raw
}

/** Status of an append whose body is read and is invalid. */
async function statusFrom(pod: SecuredPod): Promise<number> {
  return (
    await fetch(`${pod.internal}/api/json/v2/append`, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json' },
    })
  ).status
}

describe('bodies on the internal port', () => {
  it('are rejected if they stall, and take no room from other peers', async () => {
    const pod = await fleet.one({ internalBodyTimeoutMs: 300, maxBufferedBodyBytes: 8_388_608 })
    const announced = await Promise.all(
      Array.from({ length: 20 }, (_, i) => {
        return begin(pod.internal, `content-length: ${i % 2 === 0 ? 8_388_608 : 100}`)
      }),
    )
    for (let times = 0; times < 5; times += 1) expect(await statusFrom(pod)).toBe(400)
    for (const raw of announced) {
      await raw.holds('an answer', (text) => text.startsWith('HTTP/1.1 408 '))
      await within('its connection ends', raw.closed)
    }
    expect(pod.sser.stats().rejected).toMatchObject({ 'body-timeout': 20 })
  })

  it('are rejected above the total limit, and those of other addresses stay', async () => {
    const pod = await fleet.one({ maxBufferedBodyBytes: 8_388_608 })
    const peer = await begin(pod.internal, 'content-length: 8388608')
    peer.socket.write(Buffer.alloc(1_048_576, 32))
    const attacker = '127.0.76.201'
    const first = await begin(pod.internal, 'content-length: 8388608', attacker)
    first.socket.write(Buffer.alloc(6_291_456, 32))
    const second = await begin(pod.internal, 'content-length: 8388608', attacker)
    second.socket.write(Buffer.alloc(3_145_728, 32))
    await first.holds('a refusal', (text) => text.startsWith('HTTP/1.1 503 '))
    await within('its connection ends', first.closed)
    for (let times = 0; times < 5; times += 1) expect(await statusFrom(pod)).toBe(400)
    expect([peer.isClosed, second.isClosed]).toEqual([false, false])
    expect(pod.sser.stats().rejected).toMatchObject({ overloaded: 1 })
  })

  it('never part the Pods if unauthenticated peers send them or stall', async () => {
    const peerSecret = 'known to the Pods of this fleet, and to nobody else'
    const settings = { peerSecret, maxBufferedBodyBytes: 8_388_608 }
    const [one, two] = (await fleet.start(settings, settings)) as [SecuredPod, SecuredPod]
    const signature = `sser-signature: t=1, s=0123456789abcdef, n=1, m=${'A'.repeat(43)}`
    for (let times = 0; times < 20; times += 1) {
      const head = `content-length: 2097152\r\n${signature}`
      const unauthenticated = await begin(two.internal, head, `127.0.76.${100 + (times % 4)}`)
      if (times % 2 === 0) continue
      unauthenticated.socket.write(' '.repeat(0x200000 - 1))
    }
    for (let times = 0; times < 5; times += 1) {
      const { peers } = await one.sser.send('a', `${times}`)
      expect(peers.map(({ status }) => status)).toEqual(['delivered'])
    }
  })

  it('are rejected if their heads come byte by byte', async () => {
    const pod = await fleet.one({})
    const raws = await Promise.all([pod.internal, pod.url].map((url) => RawClient.open(url)))
    for (const { socket } of raws) socket.write('POST / HTTP/1.1\r\nhost: x\r\nx: ')
    const drip = setInterval(() => {
      for (const { socket } of raws) socket.write('x')
    }, 200)
    try {
      await within('they end', Promise.all(raws.map(({ closed }) => closed)))
    } finally {
      clearInterval(drip)
    }
    for (const { text } of raws) expect(text).toMatch(/^HTTP\/1\.1 408 /)
  })
})
