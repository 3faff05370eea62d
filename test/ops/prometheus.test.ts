import { Gauge, type OpenMetricsContentType, Registry } from 'prom-client'
import { expect, it } from 'vitest'
import { collectMetrics } from '../../src/prometheus.ts'
import { settle } from '../support/clock.ts'
import { Fleet } from '../support/fleet.ts'
import { Scrape } from '../support/metrics.ts'

const scrape = async (registry: Registry) => new Scrape(await registry.metrics())

it('reads the counters of an instance at scrape time', async () => {
  const fleet = await Fleet.of(2)
  const { sser } = fleet.pod(0)
  const registry = new Registry()
  collectMetrics(sser, { registry })
  expect((await scrape(registry)).get('sser_events_sent_total')).toBe(0)
  const client = fleet.pod(0).connect('a')
  await settle()
  await sser.send('a', 'x')
  const now = await scrape(registry)
  expect(now.get('sser_events_sent_total')).toBe(1)
  expect(now.get('sser_connections')).toBe(1)
  expect(now.get('sser_peer_request_duration_seconds_count')).toBeGreaterThan(1)
  expect(now.get('sser_peer_request_duration_seconds_bucket{le="+Inf"}')).toBe(
    now.get('sser_peer_request_duration_seconds_count'),
  )
  // A registry's reset is for its own counters.
  registry.resetMetrics()
  expect((await scrape(registry)).get('sser_events_sent_total')).toBe(1)
  await client.cancel()
  await fleet.stop()
})

it('keeps two instances apart, in two registries or by a prefix', async () => {
  const fleet = await Fleet.of(2)
  const registries = fleet.pods.map(({ sser }) => {
    const registry = new Registry()
    collectMetrics(sser, { registry })
    return registry
  })
  const both = new Registry()
  for (const [i, { sser }] of fleet.pods.entries())
    collectMetrics(sser, { registry: both, prefix: `pod${i}_` })
  await fleet.pod(0).sser.send('a', 'x')
  const sent = await Promise.all(registries.map(async (r) => (await scrape(r)).get('sser_events_sent_total')))
  expect(sent).toEqual([1, 0])
  const shared = await scrape(both)
  expect(shared.get('pod0_sser_events_sent_total')).toBe(1)
  expect(shared.get('pod1_sser_events_sent_total')).toBe(0)
  await fleet.stop()
})

it('removes its own metrics on request, and no others', async () => {
  const fleet = await Fleet.of(1)
  const { sser } = fleet.pod(0)
  const registry = new Registry()
  new Gauge({ name: 'sser_of_the_app', help: 'The app’s own.', registers: [registry] })
  const unregister = collectMetrics(sser, { registry, goNames: true })
  const again = () => collectMetrics(sser, { registry })
  expect(again).toThrow('sser_info has already been registered')
  unregister()
  expect((await scrape(registry)).metrics).toEqual(['sser_of_the_app'])
  const unregisterAgain = again()
  unregister()
  expect((await scrape(registry)).metrics).toContain('sser_info')
  // An app that clears its registry and begins anew.
  registry.clear()
  again()
  unregisterAgain()
  expect((await scrape(registry)).metrics).toContain('sser_info')
  await fleet.stop()
})

it('registers all of its metrics or none', async () => {
  const fleet = await Fleet.of(1)
  const registry = new Registry()
  new Gauge({ name: 'sser_streams', help: 'Taken.', registers: [registry] })
  expect(() => collectMetrics(fleet.pod(0).sser, { registry })).toThrow('sser_streams')
  expect((await scrape(registry)).metrics).toEqual(['sser_streams'])
  // @ts-expect-error: there is no registry to fall back on.
  expect(() => collectMetrics(fleet.pod(0).sser, {})).toThrow('Option "registry"')
  await fleet.stop()
})

it('has the Go package’s three metrics by their names and types, where asked', async () => {
  const fleet = await Fleet.of(2)
  const registry = new Registry()
  collectMetrics(fleet.pod(0).sser, { registry, goNames: true, prefix: 'app_' })
  const clients = [fleet.pod(0).connect('a'), fleet.pod(0).connect('a'), fleet.pod(0).connect('b')]
  await settle()
  await fleet.pod(0).sser.send('a', 'x')
  const now = await scrape(registry)
  expect(now.get('sser_server_client_connections{stream="a"}')).toBe(2)
  expect(now.get('sser_server_client_connections{stream="b"}')).toBe(1)
  const labels = `{host="${fleet.host(1)}",status="200"}`
  const requests = now.get(`http_request_metrics${labels}`)
  expect(requests).toBeGreaterThanOrEqual(2)
  expect(now.get(`http_request_latency_ms_count${labels}`)).toBe(requests)
  expect(now.text).toMatch(/^# TYPE sser_server_client_connections gauge$/m)
  expect(now.text).toMatch(/^# TYPE http_request_metrics gauge$/m)
  expect(now.text).toMatch(/^# TYPE http_request_latency_ms summary$/m)
  // The streams were not asked for under our own name.
  expect(now.of('app_sser_stream_connections')).toEqual([])
  for (const client of clients) await client.cancel()
  await fleet.stop()
})

it('works with a registry of the OpenMetrics format, and keeps that format', async () => {
  const fleet = await Fleet.of(1)
  const registry = new Registry<OpenMetricsContentType>()
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
  const unregister = collectMetrics(fleet.pod(0).sser, { registry })
  await fleet.pod(0).sser.send('a', 'x')
  for (let i = 0; i < 2; i += 1) {
    const text = await registry.metrics()
    expect(text).toMatch(/^# TYPE sser_events_sent counter$/m)
    expect(text).toMatch(/^sser_events_sent_total 1$/m)
    expect(text).toMatch(/^sser_peer_request_duration_seconds_count \d+$/m)
  }
  unregister()
  expect(await registry.metrics()).toBe('\n# EOF\n')
  await fleet.stop()
})
