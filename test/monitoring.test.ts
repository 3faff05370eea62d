import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { fillIn, readPanels } from '../bench/dashboard/panels.ts'
import { type Deployment, find, type Manifest, manifestsIn, type NetworkPolicy } from './support/manifests.ts'
import { askPromtool, promtool, type Scrape, scrape } from './support/metrics.ts'
import { SamplePod } from './support/sample-pod.ts'

const FOLDER = new URL('../examples/kubernetes/monitoring/', import.meta.url)
const ALERTS = fileURLToPath(new URL('rules/alerts.yaml', FOLDER))
const TESTS = fileURLToPath(new URL('rules/alerts.test.yaml', FOLDER))

interface Rule {
  alert: string
  expr: string
  for: string
  labels: { severity: string }
  annotations: { summary: string; description: string }
}

const rules: Rule[] = parse(readFileSync(ALERTS, 'utf8')).groups[0].rules
const panels = readPanels()
const expectations: { expr: string; exp_samples: unknown[] }[] = parse(
  readFileSync(TESTS, 'utf8'),
).tests.flatMap((each: { promql_expr_test: unknown[] }) => each.promql_expr_test)
const queries = [
  ...rules.map(({ alert, expr }) => [alert, expr] as const),
  ...panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, fillIn(expr)] as const)),
]

let samplePod: SamplePod
let now: Scrape

beforeAll(async () => {
  samplePod = await SamplePod.start()
  now = await scrape(samplePod.sser, '?perStream=true')
})
afterAll(() => samplePod.stop())

describe('the queries of the dashboard and of the alerts', () => {
  test.each(queries)('%s names only metrics that /metrics has', (_, expr) => {
    const named = Array.from(expr.matchAll(/\b[a-z]+_\w+/g), ([name]) => name)
    const language = ['group_left', 'histogram_quantile', 'max_over_time']
    const metrics = named.filter((name) => !language.includes(name))
    expect(metrics.length).toBeGreaterThan(0)
    for (const metric of metrics) expect(now.of(metric), metric).not.toEqual([])
    for (const [, metric, label, value] of expr.matchAll(/(sser_\w+)\{(?:job=~"\.\+",)?(\w+)="([^"]*)"/g)) {
      expect(now.of(metric as string).some((name) => name.includes(`${label}="${value}"`))).toBe(true)
    }
    for (const [, labels] of expr.matchAll(/by \(([^)]*)\)/g)) {
      const ours = labels?.split(', ').filter((label) => !['job', 'instance', 'pod'].includes(label)) ?? []
      for (const label of ours) {
        expect(metrics.some((metric) => now.of(metric).some((name) => name.includes(`${label}="`)))).toBe(
          true,
        )
      }
    }
  })

  test('together use every metric that an operator needs', () => {
    const text = queries.map(([, expr]) => expr).join('\n')
    const unused = now.metrics.filter((metric) => !text.includes(metric))
    expect(unused).toEqual([
      'sser_connections_opened_total',
      'sser_connections_closed_total',
      'sser_subscriptions',
      'sser_subscriptions_opened_total',
      'sser_subscriptions_closed_total',
      'sser_subscription_events_total',
      'sser_streams',
      'sser_stream_connections',
      'sser_events_received_total',
      'sser_runs_known',
      'sser_run_copies',
      'sser_run_readers',
      'sser_runs_started_total',
      'sser_run_cancels_total',
      'sser_run_asks_total',
      'sser_peer_lag_events',
      'sser_peer_failures',
      'sser_peer_exchanges',
      'sser_peer_exchange_bytes_total',
      'sser_peer_exchange_fallbacks_total',
      'sser_log_entries',
      'sser_log_oldest_seconds',
      'sser_peer_finder_state',
    ])
  })

  test.skipIf(!promtool)('are PromQL (needs promtool)', () => {
    const dir = mkdtempSync(join(tmpdir(), 'sser-rules-'))
    try {
      const groups = [{ name: 'all', rules: queries.map(([, expr], i) => ({ record: `q:${i}`, expr })) }]
      writeFileSync(join(dir, 'rules.yaml'), JSON.stringify({ groups }))
      expect(askPromtool(['check', 'rules', join(dir, 'rules.yaml')])).toContain(
        `${queries.length} rules found`,
      )
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  })
})

describe('the alerts', () => {
  test.each(rules)(
    '$alert has a duration, a severity and a fix',
    ({ alert, labels, annotations, ...rule }) => {
      expect(alert).toMatch(/^Sser[A-Z]\w+$/)
      expect(rule.for).toMatch(/^\d+[sm]$/)
      expect(['warning', 'critical']).toContain(labels.severity)
      expect(annotations.summary).toContain('{{')
      expect(annotations.description.length).toBeGreaterThan(80)
      // Each is seen to fire, and not to.
      const seen = expectations.filter(
        ({ expr }) => expr === `ALERTS{alertname="${alert}",alertstate="firing"}`,
      )
      expect(seen.map(({ exp_samples }) => exp_samples.length)).toEqual([0, 1])
    },
  )

  test.skipIf(!promtool)('are rules that do as their own tests say (needs promtool)', () => {
    expect(askPromtool(['check', 'rules', ALERTS])).toContain(`${rules.length} rules found`)
    expect(askPromtool(['test', 'rules', TESTS])).toContain('SUCCESS')
  })
})

test('every panel has a description, and overlaps no other', () => {
  expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length)
  for (const { description } of panels) expect(description.length).toBeGreaterThan(10)
})

test('the network policy lets Prometheus reach the metrics of the Pods', () => {
  const base = find<Deployment>(manifestsIn('base/'), 'Deployment')
  const pods = base.spec.template
  const monitoring = manifestsIn('monitoring/').filter(({ kind }) => kind !== undefined)
  const monitor = find<
    Manifest & {
      spec: { selector: { matchLabels: object }; podMetricsEndpoints: { port: string; path: string }[] }
    }
  >(monitoring, 'PodMonitor')
  expect(monitor.spec.selector.matchLabels).toEqual(pods.metadata.labels)
  const [endpoint] = monitor.spec.podMetricsEndpoints
  const port = pods.spec.containers[0].ports.find(({ name }) => name === endpoint?.port)?.containerPort
  expect(endpoint?.path).toBe('/metrics')
  const policy = find<NetworkPolicy>(monitoring, 'NetworkPolicy', 'web-metrics')
  expect(policy.spec.podSelector.matchLabels).toEqual(pods.metadata.labels)
  expect(policy.spec.ingress[0]?.ports).toEqual([{ port }])
})
