import { describe, expect, it } from 'vitest'
import { settle } from '../support/clock.ts'
import { Fleet } from '../support/fleet.ts'
import { scrape } from '../support/metrics.ts'

describe('/metrics, of gaps', () => {
  it('counts replayed events, and gaps by reason', async () => {
    const fleet = await Fleet.of(1, { logMaxAgeMs: 10_000 })
    const pod = fleet.pod(0)
    const first = pod.connect('a')
    await settle()
    const { lastEventId } = first
    await pod.sser.send('a', '1')
    await pod.sser.send('a', '2')
    await first.cancel()
    const resumed = pod.open(['a'], lastEventId).flow()
    await settle()
    expect(resumed.messages).toEqual(['1', '2'])
    await fleet.clock.advance(15_000)
    const forgotten = pod.open(['a'], lastEventId).flow()
    const stranger = pod.open(['a'], 'no id at all').flow()
    await settle()
    expect([forgotten.gaps.length, stranger.gaps.length]).toEqual([1, 1])
    const now = await scrape(pod.sser)
    expect(now.get('sser_events_replayed_total')).toBe(2)
    expect(now.get('sser_events_delivered_total')).toBe(4)
    expect(now.get('sser_gaps_total{reason="trimmed"}')).toBe(1)
    expect(now.get('sser_gaps_total{reason="invalid-id"}')).toBe(1)
    expect(now.get('sser_gaps_total{reason="slow-client"}')).toBe(0)
    await fleet.stop()
  })

  it('counts the gap of a connection that did not read', async () => {
    const fleet = await Fleet.of(1, { logMaxAgeMs: 10_000 })
    const pod = fleet.pod(0)
    const slow = pod.open(['a'])
    await slow.read()
    await pod.sser.send('a', '1')
    await pod.sser.send('a', '2')
    await slow.read()
    expect(slow.messages).toEqual(['1', '2'])
    await pod.sser.send('a', '3')
    await fleet.clock.advance(20_000)
    slow.flow()
    await settle()
    expect(slow.gaps).toHaveLength(1)
    const now = await scrape(pod.sser)
    expect(now.get('sser_gaps_total{reason="slow-client"}')).toBe(1)
    // It was late; but it was there when they were sent.
    expect(now.get('sser_events_delivered_total')).toBe(2)
    expect(now.get('sser_events_replayed_total')).toBe(0)
    await slow.cancel()
    await fleet.stop()
  })

  it('counts a gap that all connections receive at once', async () => {
    const fleet = await Fleet.of(2, { logMaxAgeMs: 10_000 })
    fleet.cut(0, 1)
    const clients = [fleet.pod(1).connect('a'), fleet.pod(1).connect('b')]
    await settle()
    await fleet.pod(0).sser.send('a', 'lost')
    await fleet.clock.advance(15_000)
    fleet.heal()
    await fleet.clock.until('the hole is told', () => clients.every(({ gaps }) => gaps.length === 1))
    expect((await scrape(fleet.pod(1).sser)).get('sser_gaps_total{reason="peer-loss"}')).toBe(2)
    await fleet.stop()
  })
})
