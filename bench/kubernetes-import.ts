// npm run bench:kubernetes: the cost of the peer finders per Pod, in import time and in memory, on Node and on Bun.
// Every figure is the median of several processes that do nothing else. The control imports sser alone.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const RUNS = 7
const ROOT = new URL('..', import.meta.url)
const run = promisify(execFile)

const built = (name: string) => new URL(`dist/${name}.js`, ROOT).href
/** The modules to import, by the name of the row. */
const rows: Record<string, readonly string[]> = {
  'control: sser': [built('index')],
  'and sser/kubernetes': [built('index'), built('kubernetes')],
  'and sser/dns': [built('index'), built('dns')],
  'and client-node’s config module': [built('index'), '@kubernetes/client-node/dist/config.js'],
  'and client-node as a whole': [built('index'), '@kubernetes/client-node'],
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN

async function measure(
  runtime: string,
  specifiers: readonly string[],
): Promise<{ ms: number; mebibytes: number }> {
  const program = `
    const start = performance.now()
    for (const specifier of ${JSON.stringify(specifiers)}) await import(specifier)
    const ms = performance.now() - start
    console.log(JSON.stringify({ ms, mebibytes: process.memoryUsage.rss() / 2 ** 20 }))`
  const args = runtime === 'bun' ? ['-e', program] : ['--input-type=module', '-e', program]
  const command = fileURLToPath(new URL(`node_modules/.bin/${runtime}`, ROOT))
  const results: { ms: number; mebibytes: number }[] = []
  for (let i = 0; i < RUNS; i += 1) {
    const { stdout } = await run(command, args, { cwd: fileURLToPath(ROOT), timeout: 30_000 })
    results.push(JSON.parse(stdout))
  }
  return {
    ms: median(results.map(({ ms }) => ms)),
    mebibytes: median(results.map(({ mebibytes }) => mebibytes)),
  }
}

for (const runtime of ['node', 'bun']) {
  console.log(
    `\n${runtime.padEnd(34)} ${'import'.padStart(9)} ${'added'.padStart(9)} ${'RSS'.padStart(9)} ${'added'.padStart(9)}`,
  )
  let control: { ms: number; mebibytes: number } | undefined
  for (const [name, specifiers] of Object.entries(rows)) {
    const { ms, mebibytes } = await measure(runtime, specifiers)
    control ??= { ms, mebibytes }
    const figures = [`${ms.toFixed(0)} ms`, `${(ms - control.ms).toFixed(0)} ms`]
    figures.push(`${mebibytes.toFixed(0)} MiB`, `${(mebibytes - control.mebibytes).toFixed(0)} MiB`)
    console.log(`${name.padEnd(34)} ${figures.map((figure) => figure.padStart(9)).join(' ')}`)
  }
}
