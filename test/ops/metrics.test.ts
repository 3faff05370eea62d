import { Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { collectMetrics } from '../../src/prometheus.ts'
import { settle } from '../support/clock.ts'
import { Fleet, refused } from '../support/fleet.ts'
import { askPromtool, promtool, Scrape, scrape } from '../support/metrics.ts'

/** All that a stream's name may have, and that would break out of a label. */
const HOSTILE = 'a"} 1 sser_evil{x="\\" <script>alert(1)</script> \\n `'

describe('/metrics', () => {
  it('counts events sent, received from peers, and delivered to each connection', async () => {
    const fleet = await Fleet.of(2)
    const [sender, other] = [fleet.pod(0), fleet.pod(1)]
    const clients = [sender.connect('a'), sender.connect('a', 'b'), other.connect('a')]
    await settle()
    await Promise.all([1, 2, 3].map((i) => sender.sser.send('a', `${i}`)))
    await settle()
    expect(clients.map(({ messages }) => messages.length)).toEqual([3, 3, 3])
    const [here, there] = [await scrape(sender.sser), await scrape(other.sser)]
    expect(here.get('sser_events_sent_total')).toBe(3)
    expect(here.get('sser_events_received_total')).toBe(0)
    expect(here.get('sser_events_delivered_total')).toBe(6)
    expect(here.get('sser_events_replayed_total')).toBe(0)
    expect(here.get('sser_streams')).toBe(2)
    expect(there.get('sser_events_sent_total')).toBe(0)
    expect(there.get('sser_events_received_total')).toBe(3)
    expect(there.get('sser_events_delivered_total')).toBe(3)
    await fleet.stop()
  })

  it('counts an event that is sent again under the same key once', async () => {
    const fleet = await Fleet.of(1)
    const { sser } = fleet.pod(0)
    await sser.send('a', 'x', { idempotencyKey: 'k' })
    await sser.send('a', 'x', { idempotencyKey: 'k' })
    expect((await scrape(sser)).get('sser_events_sent_total')).toBe(1)
    await fleet.stop()
  })

  it('has every gauge of connections back at 0 when all have ended', async () => {
    const fleet = await Fleet.of(1)
    const pod = fleet.pod(0)
    const clients = [pod.connect('a'), pod.connect('a', 'b'), pod.connect('c')]
    await settle()
    const before = await scrape(pod.sser, '?perStream=true')
    expect(before.get('sser_connections')).toBe(3)
    expect(before.get('sser_stream_connections{stream="a"}')).toBe(2)
    await Promise.all(clients.map((client) => client.cancel()))
    const after = await scrape(pod.sser, '?perStream=true')
    expect(after.get('sser_connections')).toBe(0)
    expect(after.get('sser_connections_opened_total')).toBe(3)
    expect(after.get('sser_connections_closed_total')).toBe(3)
    expect(after.get('sser_streams')).toBe(0)
    expect(after.of('sser_stream_connections')).toEqual([])
    await fleet.stop()
  })

  it('counts rejected input by its code', async () => {
    const fleet = await Fleet.of(1)
    const { sser } = fleet.pod(0)
    await sser.handler(new Request('http://pod/events'))
    await sser.internalRoutes.request('/api/json/v2/append', {
      method: 'POST',
      body: '{',
      headers: { 'content-type': 'application/json' },
    })
    const now = await scrape(sser)
    expect(now.get('sser_rejected_total{code="stream-name-required"}')).toBe(1)
    expect(now.get('sser_rejected_total{code="invalid-peer-message"}')).toBe(1)
    expect(now.get('sser_errors_total{stage="receive"}')).toBe(1)
    await fleet.stop()
  })

  it('reports bytes and age of the log, also after it evicted events', async () => {
    const fleet = await Fleet.of(1, { logMaxBytes: 4_096 })
    const { sser } = fleet.pod(0)
    await sser.send('a', 'x'.repeat(2_000))
    await fleet.clock.advance(2_000)
    await sser.send('a', 'y'.repeat(2_000))
    await fleet.clock.advance(1_000)
    const now = await scrape(sser)
    expect(now.get('sser_log_bytes')).toBeLessThanOrEqual(now.get('sser_log_max_bytes'))
    expect(now.get('sser_log_bytes')).toBeGreaterThan(2_000)
    expect(now.get('sser_log_entries')).toBe(2)
    expect(now.get('sser_log_oldest_seconds')).toBe(3)
    expect(now.get('sser_log_complete_seconds')).toBe(3)
    expect(now.get('sser_log_max_age_seconds')).toBe(120)
    await fleet.stop()
  })

  it('keeps its counts when a process pause begins a new incarnation', async () => {
    const fleet = await Fleet.of(1)
    const { sser } = fleet.pod(0)
    const { epoch } = sser.stats()
    await sser.send('a', 'x')
    const time = fleet.clock.now.bind(fleet.clock)
    fleet.clock.now = () => time() + 90_000
    void sser.send('a', 'y')
    await fleet.clock.advance(6_000)
    const stats = sser.stats()
    expect(stats.epoch).not.toBe(epoch)
    expect(stats.events.sent).toBe(2)
    await fleet.stop()
  })

  it('reports the state of the Pod and of its peer finder', async () => {
    const fleet = new Fleet(1, {})
    const { sser } = fleet.pod(0)
    const idle = await scrape(sser)
    expect(idle.get('sser_state{state="idle"}')).toBe(1)
    expect(idle.get('sser_state{state="ready"}')).toBe(0)
    // A list that never changes has nothing to tell.
    expect(idle.of('sser_peer_finder_state')).toEqual([])
    await fleet.start(fleet.pod(0))
    const ready = await scrape(sser)
    expect(ready.get('sser_state{state="idle"}')).toBe(0)
    expect(ready.get('sser_state{state="ready"}')).toBe(1)
    await fleet.stop()
  })

  it('bounds its series for 1,000 streams and 300 peers', async () => {
    const fleet = new Fleet(300)
    const pod = fleet.pod(0)
    for (let i = 1; i < 300; i += 1) fleet.link(0, i, refused)
    await fleet.start(pod)
    const clients = Array.from({ length: 1_000 }, (_, i) => pod.connect(`s${i}`))
    clients.push(pod.connect('s700'), pod.connect('other'))
    await settle()
    const plain = await scrape(pod.sser)
    expect(plain.text).not.toContain('stream=')
    expect(plain.of('sser_peer_up')).toHaveLength(101)
    expect(plain.get('sser_peer_up{peer="other"}')).toBe(0)
    const named = await scrape(pod.sser, '?perStream=true')
    expect(named.get('sser_streams')).toBe(1_001)
    expect(named.of('sser_stream_connections').length).toBeLessThanOrEqual(51)
    expect(named.get('sser_stream_connections{stream="s700"}')).toBe(2)
    const sum = named.of('sser_stream_connections').reduce((all, name) => all + named.get(name), 0)
    expect(sum).toBe(1_002)
    const registry = new Registry()
    collectMetrics(pod.sser, { registry, goNames: true })
    const go = new Scrape(await registry.metrics())
    expect(go.of('sser_server_client_connections').length).toBeLessThanOrEqual(51)
    expect(go.of('http_request_metrics').length).toBeLessThanOrEqual(101)
    expect(go.get('http_request_metrics{host="other",status="0"}')).toBeGreaterThanOrEqual(199)
    for (const client of clients) await client.cancel()
    await fleet.stop()
  })

  it('escapes a hostile stream name in one label, as prom-client does', async () => {
    const fleet = await Fleet.of(2)
    const pod = fleet.pod(0)
    const client = pod.connect(HOSTILE)
    await settle()
    const registry = new Registry()
    collectMetrics(pod.sser, { registry, perStream: true })
    const theirs = (await registry.metrics()).split('\n').filter((line) => line !== '')
    const { text } = await scrape(pod.sser, '?perStream=true')
    expect(text.trimEnd().split('\n')).toEqual(theirs)
    expect(text.split('\n').filter((line) => line.includes('alert(1)'))).toHaveLength(1)
    expect(text).not.toMatch(/^sser_evil/m)
    await client.cancel()
    await fleet.stop()
  })

  it.skipIf(!promtool)('is what promtool takes (needs promtool)', async () => {
    const fleet = await Fleet.of(3)
    const pod = fleet.pod(0)
    const clients = [HOSTILE, 'plain', 'ünïcödé ☕'].map((stream) => pod.connect(stream))
    await settle()
    const { metrics, text } = await scrape(pod.sser, '?perStream=true')
    const told = askPromtool(['check', 'metrics', '--extended'], text)
    const counted = Array.from(told.matchAll(/^(sser_\w+) +\d+/gm), ([, name]) => name)
    const absent = [
      'sser_rejected_total',
      'sser_peer_finder_state',
      'sser_peer_finder_lists_self',
      'sser_peer_finder_sync_age_seconds',
      'sser_internal_tls_certificate_expiration_timestamp_seconds',
    ]
    expect(counted.sort()).toEqual(metrics.filter((name) => !absent.includes(name)).sort())
    expect(() => askPromtool(['check', 'metrics'], `${text}sser_evil{x="y} 1\n`)).toThrow()
    for (const client of clients) await client.cancel()
    await fleet.stop()
  })
})
