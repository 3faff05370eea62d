import { afterEach, describe, expect, it } from 'vitest'
import { Raw } from '../fleet/clients.ts'
import { until, within } from '../until.ts'
import { raws, SecuredFleet } from './fleet.ts'

const fleet = new SecuredFleet('127.0.76')
afterEach(() => fleet.stop())

describe('bodies on the internal port', () => {
  it('that do not come are given up, and those beyond the limit of all are not read', async () => {
    const pod = await fleet.one({ internalBodyTimeoutMs: 300, maxInternalBytes: 8_388_608 })
    const half = async () => {
      const raw = await Raw.open(pod.internal)
      raws.push(raw)
      raw.socket.write('POST /api/json/v2/append HTTP/1.1\r\nhost: x\r\ncontent-length: 8388608\r\n\r\n{')
      return raw
    }
    const first = await half()
    const busy = async () =>
      (await fetch(`${pod.internal}/api/json/v2/append`, { method: 'POST', body: '{}' })).status
    await until('there is no room', async () => (await busy()) === 503)
    await first.holds('an answer', (text) => text.startsWith('HTTP/1.1 408 '))
    await within('its connection ends', first.closed)
    expect(await busy()).toBe(400)
    expect(pod.sser.stats().rejected).toMatchObject({ 'body-too-slow': 1 })
  })

  it('whose heads come byte by byte are given up', async () => {
    const pod = await fleet.one({})
    const raws = await Promise.all([pod.internal, pod.url].map((url) => Raw.open(url)))
    for (const { socket } of raws) socket.write('POST / HTTP/1.1\r\nhost: x\r\nx: ')
    const drip = setInterval(() => {
      for (const { socket } of raws) socket.write('x')
    }, 200)
    try {
      await within('they end', Promise.all(raws.map(({ closed }) => closed)), 14_000)
    } finally {
      clearInterval(drip)
    }
    for (const { text } of raws) expect(text).toMatch(/^HTTP\/1\.1 408 /)
  }, 20_000)
})
