import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Sser, StaticPeerFinder } from '../../src/index.ts'
import { serve } from '../../src/node.ts'
import { until, within } from '../support/until.ts'

const HOST = '127.0.97.1'
const tls = (name: string) => fileURLToPath(new URL(`../discovery/kubernetes/tls/${name}`, import.meta.url))

/** Path of the certificate of {@link TLS}, which is valid for 127.0.0.1. */
export const CERTIFICATE: string = tls('server.crt')
/** Directives for a server block that listens with `ssl`. */
export const TLS = `ssl_certificate ${CERTIFICATE}; ssl_certificate_key ${tls('server.key')};`

const ends: (() => unknown)[] = []

/** For `afterAll`. */
export async function endNginx(): Promise<void> {
  for (const end of ends.splice(0).reverse()) await end()
}

export interface Pod {
  origin: string
  port: number
  stop: () => Promise<void>
}

/** Starts a Pod without peers that serves events at `/events` and a page at `/page`. */
export async function startPod({ heartbeatMs = 15_000, port: wanted = 0 } = {}): Promise<Pod> {
  const peerFinder = new StaticPeerFinder([])
  const sser = new Sser({ peerFinder, heartbeatMs, internalPort: 0, drainTimeoutMs: 0, flushTimeoutMs: 0 })
  const fetch = (request: Request) => {
    const { pathname } = new URL(request.url)
    if (pathname === '/events') return sser.handler(request)
    if (pathname !== '/page') return new Response('no such page', { status: 404 })
    return new Response('<!doctype html><title>Sign in</title>', { headers: { 'content-type': 'text/html' } })
  }
  const { port, stop } = await serve({ sser, fetch, hostname: HOST, port: wanted })
  ends.push(stop)
  return { origin: `http://${HOST}:${port}`, port, stop }
}

/** Returns a port on which no server listens. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Starts nginx with these server blocks; resolves when it listens at `awaited`. {@link endNginx} stops it. */
export async function startNginx(program: string, servers: string, awaited: { host: string; port: number }) {
  const dir = mkdtempSync(join(tmpdir(), 'sser-nginx-'))
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (of) => `${of}_temp_path ${dir}/${of};`,
  )
  const config = `
    daemon off; master_process off; pid ${dir}/pid; error_log ${dir}/error.log;
    events { worker_connections 256; }
    http {
      access_log off; ${temp.join(' ')}
      proxy_cache_path ${dir}/cache keys_zone=events:1m;
      ${servers}
    }`
  writeFileSync(join(dir, 'nginx.conf'), config)
  const child = spawn(program, ['-p', dir, '-e', `${dir}/error.log`, '-c', join(dir, 'nginx.conf')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  running.add(child)
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  const ended = new Promise((resolve) => child.once('close', resolve))
  ends.push(async () => {
    child.kill('SIGTERM')
    await within('nginx ends', ended)
    running.delete(child)
    rmSync(dir, { recursive: true, force: true })
  })
  await until(`nginx listens ${stderr}`, () => {
    if (child.exitCode !== null) throw new Error(`nginx ended with ${child.exitCode}: ${stderr}`)
    return isListening(awaited)
  })
}

function isListening(target: { host: string; port: number }): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(target)
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})
