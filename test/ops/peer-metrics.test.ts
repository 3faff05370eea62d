import { describe, expect, it } from 'vitest'
import { Fleet, hung, late } from '../support/fleet.ts'
import { scrape } from '../support/metrics.ts'

describe('/metrics, of peers', () => {
  it('reports the lag of an unreachable peer until it has caught up', async () => {
    const fleet = await Fleet.of(3)
    const { sser } = fleet.pod(0)
    const peer = `peer="${fleet.host(2)}"`
    await fleet.clock.advance(3_000)
    fleet.cut(0, 2)
    await sser.send('a', 'x')
    await fleet.clock.advance(30_000)
    const lost = await scrape(sser)
    expect(lost.get(`sser_peer_up{${peer}}`)).toBe(0)
    expect(lost.get(`sser_peer_up{peer="${fleet.host(1)}"}`)).toBe(1)
    expect(lost.get('sser_peers{state="failing"}')).toBe(1)
    expect(lost.get('sser_peers{state="connected"}')).toBe(1)
    expect(lost.get(`sser_peer_lag_seconds{${peer}}`)).toBe(30)
    expect(lost.get(`sser_peer_lag_events{${peer}}`)).toBeGreaterThan(1)
    expect(lost.get(`sser_peer_failures{${peer}}`)).toBeGreaterThan(3)
    expect(lost.get('sser_peer_requests_total{outcome="failed"}')).toBeGreaterThan(3)
    expect(lost.get('sser_peer_request_retries_total')).toBeGreaterThan(2)
    expect(lost.get('sser_errors_total{stage="append"}')).toBeGreaterThan(3)
    fleet.heal()
    await fleet.clock.until('the peer is back', () => sser.peers.every(({ lag }) => lag === 0))
    const back = await scrape(sser)
    expect(back.get(`sser_peer_up{${peer}}`)).toBe(1)
    expect(back.get(`sser_peer_lag_seconds{${peer}}`)).toBe(0)
    // Itself is no peer.
    expect(back.of('sser_peer_up')).toHaveLength(2)
    await fleet.stop()
  })

  it('never reports a lag beyond the age of the log', async () => {
    const fleet = await Fleet.of(2, { logMaxAgeMs: 10_000 })
    fleet.cut(0, 1)
    await fleet.pod(0).sser.send('a', 'x')
    await fleet.clock.advance(60_000)
    const lag = (await scrape(fleet.pod(0).sser)).get(`sser_peer_lag_seconds{peer="${fleet.host(1)}"}`)
    expect(lag).toBeGreaterThan(8)
    expect(lag).toBeLessThanOrEqual(10)
    await fleet.stop()
  })

  it('reports the duration of requests to peers in buckets', async () => {
    const fleet = await Fleet.of(2)
    const { sser } = fleet.pod(0)
    // The Pods have asked each other for runs.
    await fleet.clock.advance(10)
    const before = await scrape(sser)
    fleet.link(0, 1, late(fleet.clock, 30))
    void sser.send('a', 'x')
    await fleet.clock.advance(100)
    const after = await scrape(sser)
    const grown = (name: string) => after.get(name) - before.get(name)
    expect(grown('sser_peer_request_duration_seconds_bucket{le="0.05"}')).toBe(0)
    expect(grown('sser_peer_request_duration_seconds_bucket{le="0.1"}')).toBe(1)
    expect(grown('sser_peer_request_duration_seconds_bucket{le="+Inf"}')).toBe(1)
    expect(grown('sser_peer_request_duration_seconds_count')).toBe(1)
    expect(grown('sser_peer_request_duration_seconds_sum')).toBeCloseTo(0.06)
    fleet.link(0, 1, hung)
    void sser.send('a', 'x')
    await fleet.clock.advance(6_000)
    const failed = 'sser_peer_requests_total{outcome="failed"}'
    expect((await scrape(sser)).get(failed) - after.get(failed)).toBe(1)
    await fleet.stop()
  })

  it('does not count a request that it aborted itself as a failure', async () => {
    // The request that tells a peer of the drain fails after a second; the stop ends before.
    const fleet = await Fleet.of(2, { requestTimeoutMs: 60_000, flushTimeoutMs: 500 })
    const { sser } = fleet.pod(0)
    await fleet.clock.advance(10)
    fleet.link(0, 1, hung)
    void sser.send('a', 'x')
    await fleet.clock.advance(2_000)
    await fleet.stop()
    expect((await scrape(sser)).get('sser_peer_requests_total{outcome="failed"}')).toBe(0)
  })
})
