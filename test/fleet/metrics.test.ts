import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import type { DebugView } from '../../src/ops/diagnosis.ts'
import { askPromtool, promtool, Scrape } from '../support/metrics.ts'
import { acquainted, endPods, type PodProcess, startFleet } from '../support/pod-process.ts'
import { closeClients, RawClient, StreamClient } from '../support/stream-client.ts'
import { until } from '../support/until.ts'

const SCRIPT = fileURLToPath(new URL('./custom-pod.ts', import.meta.url))

afterEach(async () => {
  closeClients()
  await endPods()
})

const internal = ({ options: { host } }: PodProcess) => `http://${host}:7110`

async function scrape(pod: PodProcess): Promise<Scrape> {
  return new Scrape(await (await fetch(`${internal(pod)}/metrics`)).text())
}

test('three Pods on real sockets count their actual traffic', async () => {
  const env = { OPTIONS: JSON.stringify({ logMaxAgeMs: 20_000, retryMs: 100 }) }
  const options = { script: SCRIPT, env }
  const pods = await startFleet(['node', 'bun', 'node'], '127.0.97.1', options)
  const [a, b, c] = pods as [PodProcess, PodProcess, PodProcess]
  await acquainted(pods)
  const hello = (await scrape(a)).get('sser_events_sent_total')
  const clients = [await StreamClient.open(a.url, 'orders'), await StreamClient.open(a.url, 'orders', 'news')]
  const there = await StreamClient.open(b.url, 'orders')
  const raw = await RawClient.events(a.url, ['orders'], '1.0')
  await raw.holds('it is greeted', (text) => text.includes('sser-position'))
  for (const msg of ['1', '2', '3']) await a.send('orders', msg)
  await until('all have all', () => [...clients, there].every(({ messages }) => messages.length === 3))
  await raw.holds('past the fast path, too', (text) => text.includes('data: 3'))
  const [onA, onB] = [await scrape(a), await scrape(b)]
  if (promtool) askPromtool(['check', 'metrics'], onA.text)
  expect(onA.get('sser_events_sent_total') - hello).toBe(3)
  expect(onA.get('sser_events_delivered_total')).toBe(9)
  expect(onB.get('sser_events_delivered_total')).toBe(3)
  expect(onB.get('sser_events_received_total')).toBeGreaterThanOrEqual(3)
  expect(onA.get('sser_connections')).toBe(3)
  expect(onA.get('sser_peer_request_duration_seconds_count')).toBeGreaterThanOrEqual(3)
  expect(onA.of('sser_peer_up').map((name) => onA.get(name))).toEqual([1, 1])

  await c.kill()
  await a.send('orders', '4')
  const dead = `peer="${c.options.host}:7110"`
  await until('it lags', async () => (await scrape(a)).get(`sser_peer_lag_seconds{${dead}}`) > 1)
  const left = await scrape(a)
  expect(left.get(`sser_peer_up{${dead}}`)).toBe(0)
  expect(left.get('sser_peers{state="failing"}')).toBe(1)
  expect(left.get(`sser_peer_lag_events{${dead}}`)).toBeGreaterThanOrEqual(1)
  expect(left.get('sser_peer_requests_total{outcome="failed"}')).toBeGreaterThanOrEqual(1)
  const debug = (await (await fetch(`${internal(a)}/debug/sser`)).json()) as DebugView
  expect(debug.peers.find(({ state }) => state === 'failing')?.lastError).toContain('ECONNREFUSED')
  expect(debug.recentErrors[0]?.peer).toBe(`${c.options.host}:7110`)

  closeClients()
  raw.socket.destroy()
  await until('no connection is left', async () => (await scrape(a)).get('sser_connections') === 0)
  const end = await scrape(a)
  expect(end.get('sser_streams')).toBe(0)
  expect(end.get('sser_connections_closed_total')).toBe(end.get('sser_connections_opened_total'))
})

test('clients cannot reach metrics or the debug page', async () => {
  const [pod] = (await startFleet(['node'], '127.0.97.11', { script: SCRIPT })) as [PodProcess]
  for (const path of ['/metrics', '/debug/sser']) {
    expect((await fetch(pod.url + path)).status).toBe(404)
    expect((await fetch(internal(pod) + path)).status).toBe(200)
  }
})
