import { spawnSync } from 'node:child_process'
import { expect } from 'vitest'
import type { Sser } from '../../src/index.ts'
import { requires } from './requires.ts'

/** Prometheus' own judge of metrics and rules; undefined where this machine has none. */
export const promtool: string | undefined = requires('promtool')

/** Returns the output of `promtool`; throws if `promtool` finds a problem. */
export function askPromtool(args: readonly string[], input = ''): string {
  const { status, stdout, stderr } = spawnSync(promtool as string, args, { input, encoding: 'utf8' })
  if (status !== 0) throw new Error(`promtool ${args.join(' ')}: ${stderr}${stdout}`)
  return stdout + stderr
}

/** The samples of a scrape, by name and labels as they are printed: `sser_peers{state="v1"}`. */
export class Scrape {
  readonly text: string
  readonly #values = new Map<string, number>()

  constructor(text: string) {
    this.text = text
    for (const line of text.split('\n')) {
      if (line === '' || line.startsWith('#')) continue
      const [, name, value] = /^(\w+(?:\{.*\})?) (\S+)$/.exec(line) ?? [undefined, undefined, undefined]
      if (name === undefined || this.#values.has(name)) throw new Error(`No sample, or a second one: ${line}`)
      this.#values.set(name, value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value))
    }
  }

  /** Throws where there is no such sample. */
  get(name: string): number {
    const value = this.#values.get(name)
    if (value === undefined) throw new Error(`There is no ${name} in:\n${this.text}`)
    return value
  }

  /** The names with labels of all samples of one metric. */
  of(metric: string): string[] {
    return [...this.#values.keys()].filter((name) => name === metric || name.startsWith(`${metric}{`))
  }

  /** The names of all metrics that it describes. */
  get metrics(): string[] {
    return Array.from(this.text.matchAll(/^# TYPE (\w+) /gm), ([, name]) => name as string)
  }
}

/** The metrics of an instance, in Prometheus's text format. */
export async function scrape({ opsRoutes }: Sser, query = ''): Promise<Scrape> {
  const response = await opsRoutes.request(`/metrics${query}`)
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  return new Scrape(await response.text())
}
