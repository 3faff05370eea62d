import { readFileSync, statSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { metricFamilies } from '../src/ops/metrics.ts'
import { SamplePod } from './support/sample-pod.ts'

const ROOT = new URL('../', import.meta.url)
const page = readFileSync(new URL('docs/observability.md', ROOT), 'utf8')

/** The lines between two marks of the page. */
function between(name: string): string[] {
  const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  return page
    .slice(page.indexOf(start) + start.length, page.indexOf(end))
    .trim()
    .split('\n')
}

test('the page lists exactly the metrics of /metrics, with their descriptions', async () => {
  const samplePod = await SamplePod.start()
  const rows = metricFamilies(samplePod.sser.stats({ largestStreams: 1 })).map(
    ({ name, type, help, samples }) => {
      const labels = new Set(
        samples.flatMap((sample) => Object.keys(sample.labels)).filter((each) => each !== 'le'),
      )
      return `| \`${name}\` | ${type} | ${[...labels].map((label) => `\`${label}\``).join(', ')} | ${help} |`
    },
  )
  await samplePod.stop()
  expect(between('metrics')).toEqual([
    '| Metric | Type | Labels | Meaning |',
    '| --- | --- | --- | --- |',
    ...rows,
  ])
})

test('the page lists exactly the alerts, with severity and duration', () => {
  const file = readFileSync(new URL('examples/kubernetes/monitoring/rules/alerts.yaml', ROOT), 'utf8')
  const rules: { alert: string; for: string; labels: { severity: string }; expr: string }[] =
    parse(file).groups[0].rules
  const rows = rules.map(
    ({ alert, expr, labels, for: patience }) =>
      `| \`${alert}\` | ${labels.severity} | ${patience} | \`${expr.replaceAll('|', '\\|')}\` |`,
  )
  expect(between('alerts')).toEqual([
    '| Alert | Severity | For | Condition |',
    '| --- | --- | --- | --- |',
    ...rows,
  ])
})

test('the picture is small enough for a page to load', () => {
  expect(statSync(new URL('docs/dashboard.png', ROOT)).size).toBeLessThan(150_000)
})
