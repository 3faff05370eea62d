import { readFileSync } from 'node:fs'
import { svg } from '../harness/plot.ts'
import { type Prometheus, SCRAPE_S } from './prometheus.ts'

const DASHBOARD = new URL('../../examples/kubernetes/monitoring/dashboard.json', import.meta.url)
/** Range of a rate: a few scrapes, as in Grafana. */
const RATE_INTERVAL = `${5 * SCRAPE_S}s`
/** Readable names of Grafana's units. */
const UNITS: Readonly<Record<string, string>> = {
  none: '',
  ops: 'a second',
  reqps: 'a second',
  s: 'seconds',
  percentunit: 'of 1',
  bytes: 'MB',
  short: '',
}

/** Factors from the values of a unit to those that the picture shows. */
const SCALES: Readonly<Record<string, number>> = { bytes: 1e-6 }

export interface Panel {
  title: string
  description: string
  targets: { expr: string; legendFormat: string }[]
  fieldConfig: { defaults: { unit: string } }
}

export function readPanels(): Panel[] {
  return JSON.parse(readFileSync(DASHBOARD, 'utf8')).panels
}

/** Replaces Grafana's variables in a query. */
export function fillIn(expr: string): string {
  return expr.replaceAll('$__rate_interval', RATE_INTERVAL).replaceAll('$job', '.+')
}

/** Draws all panels on one page from Prometheus' data between two times; omits panels without data. */
export async function draw(
  panels: readonly Panel[],
  prometheus: Prometheus,
  fromS: number,
  toS: number,
): Promise<string> {
  const images: string[] = []
  for (const { title, targets, fieldConfig } of panels) {
    const { unit } = fieldConfig.defaults
    const scale = SCALES[unit] ?? 1
    const lines: { label: string; points: (readonly [number, number])[] }[] = []
    for (const { expr, legendFormat } of targets) {
      for (const { metric, values } of await prometheus.range(fillIn(expr), fromS, toS)) {
        const label = legendFormat.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => metric[name] ?? '')
        const points = values.map(([seconds, value]) => [seconds, scale * Number(value)] as const)
        lines.push({ label, points: points.filter(([, value]) => Number.isFinite(value)) })
      }
    }
    if (lines.length === 0) continue
    const axis = UNITS[unit] as string
    const plot = svg({
      kind: 'times',
      name: '',
      title,
      unit: axis,
      lines,
      fromS,
      toS,
      pauseS: 2.5 * SCRAPE_S,
    })
    images.push(`<img src="data:image/svg+xml;base64,${Buffer.from(plot).toString('base64')}">`)
  }
  return `<!doctype html><style>body { margin: 8px; display: grid; grid-template-columns: repeat(3, 520px); gap: 8px }</style>${images.join('')}`
}
