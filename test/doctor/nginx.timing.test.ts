import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { requires } from '../support/requires.ts'
import { type Diagnosis, diagnose } from './diagnosis.ts'
import { CERTIFICATE, endNginx, freePort, startNginx, startPod, TLS } from './nginx.ts'

const nginx = requires('nginx')
const PORT = 8120
const CLI = fileURLToPath(new URL('../../src/cli.ts', import.meta.url))

/** Directives of one server block each. Each block listens on its own address, so that one nginx has them all. */
const SETTINGS = {
  buffers: 'proxy_ignore_headers X-Accel-Buffering;',
  compresses: 'gzip on; gzip_types text/event-stream; gzip_min_length 0; gzip_http_version 1.0;',
  compressesAndBuffers: `proxy_http_version 1.1; proxy_ignore_headers X-Accel-Buffering;
    gzip on; gzip_types text/event-stream; gzip_min_length 0;`,
  hasIdleTimeout: 'proxy_read_timeout 2s;',
  changesTheType: 'proxy_hide_header Content-Type; add_header Content-Type text/plain;',
  hidesTheType: 'proxy_hide_header Content-Type;',
  hidesCacheControl: 'proxy_hide_header Cache-Control;',
  removesTheId: 'proxy_set_header Last-Event-ID "";',
  caches: `proxy_cache events; proxy_cache_valid 200 1m; proxy_http_version 1.1; proxy_cache_lock off;
    proxy_ignore_headers X-Accel-Buffering Cache-Control;`,
  doesNotRetry: 'proxy_next_upstream off;',
  allowsOneStream: 'limit_conn one 1;',
  routesNowhere: 'rewrite ^ /nowhere break;',
  routesToAPage: 'rewrite ^ /page break;',
  correct: '',
} as const

type Setting = keyof typeof SETTINGS

const host = (name: Setting) => `127.0.97.${10 + Object.keys(SETTINGS).indexOf(name)}`
const url = (name: Setting) => `http://${host(name)}:${PORT}/events`
const diagnoseBehind = (name: Setting, durationMs?: number): Promise<Diagnosis> =>
  diagnose(url(name), { ...(durationMs && { durationMs }) })

describe.skipIf(!nginx)('sser doctor behind nginx (needs nginx)', () => {
  let refusedPort = 0
  const tlsPorts: Record<'one' | 'two', number> = { one: 0, two: 0 }

  beforeAll(async () => {
    refusedPort = await freePort()
    tlsPorts.one = await freePort()
    tlsPorts.two = await freePort()
    // A Pod sends the first heartbeat of its first connection after a fifteenth of the interval, so before the timeout.
    const pod = await startPod()
    const podWithHeartbeats = await startPod({ heartbeatMs: 12_000 })
    const stoppedPod = await startPod()
    const upstream = (name: Setting) => {
      if (name === 'caches') return stoppedPod.origin
      if (name === 'doesNotRetry') return 'http://half'
      return name === 'hasIdleTimeout' ? podWithHeartbeats.origin : pod.origin
    }
    const blocks = (Object.keys(SETTINGS) as Setting[]).map(
      (name) => `server { listen ${host(name)}:${PORT};
        location / { ${SETTINGS[name]} proxy_pass ${upstream(name)}; } }`,
    )
    const sharedAddress = `127.0.97.9:${PORT}`
    blocks.push(`server { listen ${sharedAddress};
      location /dead { proxy_pass http://127.0.0.1:${refusedPort}; }
      location /moved { return 301 ${url('correct')}$is_args$args; }
      location /login { return 302 /page; }
      location /page { proxy_pass ${pod.origin}; }
      location /circle { return 302 /circle2; }
      location /circle2 { return 302 /circle; }
      location /mine { if ($http_authorization = "") { return 401; } rewrite ^ /events break; proxy_pass ${pod.origin}; }
      location /theirs { return 403; } }`)
    const secure = (port: number, also: string) =>
      `server { listen 127.0.0.1:${port} ssl ${also}; ${TLS} location / { proxy_pass ${pod.origin}; } }`
    blocks.push(secure(tlsPorts.one, ''), secure(tlsPorts.two, 'http2'))
    const half = `upstream half { server 127.0.0.1:${refusedPort} max_fails=0;
      server ${pod.origin.slice('http://'.length)} max_fails=0; }`
    const zone = 'limit_conn_zone $server_addr zone=one:64k;'
    await startNginx(nginx as string, half + zone + blocks.join('\n'), { host: '127.0.97.9', port: PORT })
    // The cache stores the response that this Pod ended when it stopped; another Pod then takes its port.
    const cached = await fetch(`${url('caches')}?stream=sser-doctor`, {
      headers: { 'accept-encoding': 'gzip' },
    })
    await stoppedPod.stop()
    await cached.text()
    await startPod({ port: stoppedPod.port })
  })

  afterAll(endNginx)

  test.concurrent('finds no problem behind a correct configuration', async () => {
    const { causes, findings, message } = await diagnoseBehind('correct', 2_500)
    expect(causes).toEqual([])
    expect(findings.map(({ check }) => check)).toEqual([
      'connection',
      'HTTP/2',
      'status',
      'content-type',
      'cache-control',
      'compression',
      'first event',
      'cache',
      'second stream',
      'Last-Event-ID',
      'heartbeat',
      'duration',
    ])
    expect(message('duration')).toContain('open for 2.5 s')
  })

  test.concurrent('reports buffering, and that the response headers did not arrive', async () => {
    const { causes, message } = await diagnoseBehind('buffers')
    expect(causes).toEqual(['buffered'])
    expect(message('first event')).toContain('not even the response headers')
  })

  test.concurrent('reports compression that delays no event', async () => {
    expect((await diagnoseBehind('compresses')).causes).toEqual(['compressed'])
  })

  test.concurrent('blames compression, not buffering, if plain requests get events', async () => {
    const { causes, message } = await diagnoseBehind('compressesAndBuffers')
    expect(causes).toEqual(['compressed'])
    expect(message('first event')).toContain('does not accept gzip')
  })

  test.concurrent('measures an idle timeout', async () => {
    const { causes, message } = await diagnoseBehind('hasIdleTimeout', 8_000)
    expect(causes).toEqual(['idle-cut'])
    expect(message('duration')).toMatch(/after 2\.\d s without an event/)
  })

  test.concurrent.each([
    ['changesTheType', 'content-type', 'text/plain'],
    ['hidesTheType', 'content-type', 'missing'],
    ['hidesCacheControl', 'cache-control', 'missing'],
  ] as const)('names the header if the proxy %s', async (name, check, what) => {
    const { causes, message } = await diagnoseBehind(name)
    expect(causes).toEqual([check])
    expect(message(check)).toContain(what)
  })

  test.concurrent('reports a Last-Event-ID that does not arrive', async () => {
    expect((await diagnoseBehind('removesTheId')).causes).toEqual(['last-event-id'])
  })

  test.concurrent('reports a limit of one stream', async () => {
    expect((await diagnoseBehind('allowsOneStream')).causes).toEqual(['one-at-a-time'])
  })

  test.concurrent('reports a proxy that does not retry on another Pod', async () => {
    const { causes, findings } = await diagnoseBehind('doesNotRetry')
    expect(causes).toEqual(['no-retry'])
    expect(findings.find(({ cause }) => cause === 'no-retry')?.message).toContain('got status 502')
  })

  test.concurrent('tells a page from an event stream, and quotes its beginning', async () => {
    const { causes, message } = await diagnoseBehind('routesToAPage')
    expect(causes).toEqual(['not-sser'])
    expect(message('sser')).toContain('Sign in')
  })

  test.concurrent('reports a path without a route', async () => {
    expect((await diagnoseBehind('routesNowhere')).causes).toEqual(['not-found'])
  })

  test.concurrent.each([
    ['/dead', 'bad-gateway', 'from nginx'],
    ['/theirs', 'credentials', '403'],
    ['/mine', 'credentials', '401'],
    ['/moved', 'redirect', ': an event stream'],
    ['/login', 'redirect', 'possibly a login page'],
    ['/circle', 'redirect-loop', 'which is a loop'],
  ])('explains the response at %s', async (path, cause, what) => {
    const { causes, message } = await diagnose(`http://127.0.97.9:${PORT}${path}`)
    expect(causes).toEqual([cause])
    expect(message('status')).toContain(what)
  })

  test.concurrent('sends the headers of the user', async () => {
    const headers = { authorization: 'Bearer me' }
    expect((await diagnose(`http://127.0.97.9:${PORT}/mine`, { headers })).causes).toEqual([])
  })

  test.concurrent('quotes the error of sser if sser refuses the request', async () => {
    const { causes, message } = await diagnose(`${url('correct')}?stream=`)
    expect(causes).toEqual(['refused-by-sser'])
    expect(message('status')).toContain('A stream name must be supplied')
  })

  test.concurrent('reports a cache, not the stopped Pod whose response it stores', async () => {
    expect((await diagnoseBehind('caches')).causes).toEqual(['cached'])
  })

  test.concurrent('rejects a certificate that browsers reject', async () => {
    expect((await diagnose(`https://127.0.0.1:${tlsPorts.two}/events`)).causes).toEqual(['certificate'])
  })

  test.concurrent('reports a TLS server without HTTP/2', async () => {
    const { causes } = await diagnose(`https://127.0.0.1:${tlsPorts.one}/events`, { insecure: true })
    expect(causes).toEqual(['no-http2'])
  })

  test.concurrent('exits with 0 and prints no problem for HTTP/2 over TLS', async () => {
    const { code, stdout, stderr } = await run(`https://127.0.0.1:${tlsPorts.two}/events`, '--duration', '1')
    expect(stdout).toContain('✓ HTTP/2')
    expect(stdout).toContain('No problems found.')
    expect(stderr).toContain('recording for')
    expect(code).toBe(0)
  })

  test.concurrent('prints JSON, and exits with 2 without a connection and with 1 for a problem', async () => {
    const refused = await run(`http://127.0.0.1:${refusedPort}/events`, '--json')
    expect(refused.code).toBe(2)
    expect(JSON.parse(refused.stdout)).toMatchObject({ exitCode: 2, findings: [{ cause: 'refused' }] })
    const wrong = await run(url('hidesCacheControl'), '--json', '--duration', '1')
    expect(wrong.code).toBe(1)
    const { findings } = JSON.parse(wrong.stdout) as { findings: { cause?: string; fixes?: unknown[] }[] }
    expect(findings.find(({ cause }) => cause === 'cache-control')).toMatchObject({
      check: 'cache-control',
      verdict: 'fail',
      message: expect.stringContaining('missing'),
      fixes: expect.arrayContaining([{ where: 'nginx', change: expect.any(String) }]),
    })
    expect(findings.filter(({ fixes }) => fixes !== undefined)).toHaveLength(1)
  })
})

/** Runs the command in a process that trusts the certificate of the tests. */
function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: CERTIFICATE }
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [CLI, 'doctor', ...args],
      { env, timeout: 10_000 },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
      },
    )
  })
}
