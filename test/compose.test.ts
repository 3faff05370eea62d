import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { resolveOptions } from '../src/options.ts'
import { REQUEST_DRAIN_TIMEOUT_MS } from '../src/runtime/join-options.ts'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const FOLDER = join(ROOT, 'examples/compose')
const read = (name: string) => readFileSync(join(FOLDER, name), 'utf8')
const run = promisify(execFile)

interface Service {
  build: { context: string; dockerfile: string }
  deploy: { replicas: number }
  environment: Record<string, string>
  networks: { default: { aliases: string[] } }
  ports: string[]
  stop_grace_period: string
  healthcheck: { test: string[] }
}

const file: { name: string; services: Record<string, Service> } = parse(read('compose.yaml'))
const web = file.services.web as Service
const dockerfile = read('Dockerfile')

test('compose.yaml gives the replicas the variables that the server reads, and no others', () => {
  expect(Object.keys(file)).toEqual(['name', 'services'])
  const names = /const \{ (.*) \} = process\.env/.exec(read('server.ts'))?.[1]
  const read_ = Array.from(String(names).matchAll(/(\w+) =/g), ([, name]) => name)
  expect(Object.keys(web.environment).toSorted()).toEqual(read_.toSorted())
  expect(web.networks.default.aliases).toContain(web.environment.PEERS_HOSTNAME)
})

test('compose.yaml publishes a port for each replica, and not the internal one', () => {
  const [, first, last, port] = /^127\.0\.0\.1:(\d+)-(\d+):(\d+)$/.exec(String(web.ports)) ?? []
  expect(Number(last) - Number(first) + 1).toBe(web.deploy.replicas)
  expect(read('server.ts')).toContain(`port: ${port}`)
  expect(web.healthcheck.test.join(' ')).toContain(`http://127.0.0.1:${port}/readyz`)
})

test('compose.yaml waits for as long as a stop takes', () => {
  const { drainTimeoutMs, flushTimeoutMs } = resolveOptions({})
  const ms = Number(/^(\d+)s$/.exec(web.stop_grace_period)?.[1]) * 1_000
  expect(ms).toBeGreaterThan(drainTimeoutMs + REQUEST_DRAIN_TIMEOUT_MS + flushTimeoutMs)
})

test('the Dockerfile of compose.yaml builds a server that runs without any package', async () => {
  expect(existsSync(join(FOLDER, web.build.context, web.build.dockerfile))).toBe(true)
  for (const [, sources = ''] of dockerfile.matchAll(/^COPY (?!--)(.+) \S+$/gm))
    for (const source of sources.split(' ')) expect(existsSync(join(ROOT, source)), source).toBe(true)
  const folder = mkdtempSync(join(tmpdir(), 'sser-compose-'))
  try {
    const [, command = ''] = /^RUN npx (bun build .+)$/m.exec(dockerfile) ?? []
    const [, output = ''] = /--outfile=(\S+)/.exec(command) ?? []
    expect(dockerfile).toContain(`ENTRYPOINT ["node", "${output}"]`)
    const [bun = '', ...args] = command.replace(output, join(folder, output)).split(' ')
    await run(join(ROOT, 'node_modules/.bin', bun), args, { cwd: ROOT })
    // Without a hostname it names the option, so every package that it needs was there.
    const started = run(process.execPath, [output], { cwd: folder, env: { PATH: process.env.PATH } })
    await expect(started).rejects.toThrow(/hostname/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
