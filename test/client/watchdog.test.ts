import { describe, expect, it } from 'vitest'
import { Watchdog } from '../../src/client/watchdog.ts'
import { VirtualClock } from '../support/clock.ts'
import { listening } from '../support/connected-client.ts'
import { preamble } from '../support/fake-endpoint.ts'

const FIRST_WAIT_MS = 2_000

describe('the limit for silence', () => {
  it('notices a half-open connection within two heartbeats, and resumes', async () => {
    const { endpoint, clock, errors } = await listening({ heartbeatMs: 1_000 })
    endpoint.last.open(preamble('p1'))
    await clock.advance(1_500)
    endpoint.last.write('event: sser-position\ndata: {}\nid: p2\n\n')
    await clock.advance(1_749)
    expect(endpoint.last.isAborted).toBe(false)
    await clock.advance(1)
    expect(endpoint.last.isAborted).toBe(true)
    expect(errors[0]?.code).toBe('silent')
    await clock.advance(FIRST_WAIT_MS)
    expect(endpoint.last.lastEventId).toBe('p2')
  })

  it('learns the heartbeat of the server from the first block', async () => {
    const { endpoint, clock } = await listening()
    endpoint.last.open(
      'event: sser-position\nretry: 10\ndata: {"resumed":false,"heartbeatMs":500}\nid: p1\n\n',
    )
    await clock.advance(874)
    expect(endpoint.requests).toHaveLength(1)
    await clock.advance(11)
    expect(endpoint.requests).toHaveLength(2)
  })

  it('keeps a connection whose heartbeats are late by up to three quarters', async () => {
    const { endpoint, clock, errors } = await listening({ heartbeatMs: 1_000 })
    endpoint.last.open(preamble('p1'))
    const lateMs = [0, 740, -700, 500, 700, -300]
    for (let n = 2; n < 20; n += 1) {
      await clock.advance(1_000 + (lateMs[n % lateMs.length] as number))
      endpoint.last.write(`event: sser-position\ndata: {}\nid: p${n}\n\n`)
    }
    await clock.advance(0)
    expect(endpoint.requests).toHaveLength(1)
    expect(errors).toEqual([])
  })

  it('does not count while no byte is awaited, also when the page is shown', async () => {
    const clock = new VirtualClock()
    let isSilent = false
    const watchdog = new Watchdog(clock, 1_000, () => {
      isSilent = true
    })
    watchdog.reset()
    watchdog.stop()
    await clock.advance(5_000)
    watchdog.check()
    await clock.advance(5_000)
    expect(isSilent).toBe(false)
  })

  it('gives up a request without an answer within two heartbeats', async () => {
    const { endpoint, clock } = await listening({ heartbeatMs: 1_000 })
    await clock.advance(2_000 + FIRST_WAIT_MS)
    expect(endpoint.requests.length).toBeGreaterThan(1)
    expect(endpoint.requests[0]?.isAborted).toBe(true)
  })
})
