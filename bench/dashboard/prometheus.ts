import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until, within } from '../../test/support/until.ts'

/** Scrape interval, in seconds. */
export const SCRAPE_S = 1

/** Values of one series over time. */
export interface Series {
  metric: Readonly<Record<string, string>>
  values: readonly (readonly [seconds: number, value: string])[]
}

/** A separate Prometheus on loopback; its data is deleted when it ends. */
export class Prometheus {
  readonly #path: string
  readonly #address: string
  readonly #dir = mkdtempSync(join(tmpdir(), 'sser-prometheus-'))
  #process: ChildProcess | undefined

  /** `address`: its `host:port`. */
  constructor(path: string, address: string) {
    this.#path = path
    this.#address = address
  }

  /** Starts Prometheus; resolves when it has begun to scrape these Pods. */
  async start(pods: readonly { pod: string; target: string }[]): Promise<void> {
    const static_configs = pods.map(({ pod, target }) => ({ targets: [target], labels: { pod } }))
    const config = {
      global: { scrape_interval: `${SCRAPE_S}s`, scrape_timeout: `${SCRAPE_S}s` },
      scrape_configs: [{ job_name: 'web', static_configs }],
    }
    // JSON is valid YAML.
    writeFileSync(join(this.#dir, 'prometheus.yml'), JSON.stringify(config))
    const child = spawn(
      this.#path,
      [
        `--config.file=${join(this.#dir, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(this.#dir, 'data')}`,
        `--web.listen-address=${this.#address}`,
        '--log.level=error',
      ],
      { stdio: ['ignore', 'inherit', 'inherit'] },
    )
    this.#process = child
    process.once('exit', () => child.kill('SIGKILL'))
    const hasScraped = async () => (await this.#ask('query', { query: 'sser_info' })).length === pods.length
    await until('Prometheus has scraped all Pods', () => hasScraped().catch(() => false), 20_000)
  }

  /** Returns the series of a query between two times, in seconds since 1970. */
  range(query: string, start: number, end: number): Promise<Series[]> {
    return this.#ask('query_range', { query, start: `${start}`, end: `${end}`, step: `${SCRAPE_S}` })
  }

  async stop(): Promise<void> {
    const child = this.#process
    if (child !== undefined && child.exitCode === null) {
      const ended = new Promise((resolve) => child.once('close', resolve))
      child.kill('SIGTERM')
      await within('Prometheus ends', ended, 10_000).finally(() => child.kill('SIGKILL'))
    }
    rmSync(this.#dir, { recursive: true, force: true })
  }

  async #ask(path: string, query: Record<string, string>): Promise<Series[]> {
    const response = await fetch(`http://${this.#address}/api/v1/${path}?${new URLSearchParams(query)}`)
    const { data, error } = (await response.json()) as { data?: { result: Series[] }; error?: string }
    if (data === undefined) throw new Error(`${query.query}: ${error}`)
    return data.result
  }
}
