import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { requires } from '../support/requires.ts'
import { type Diagnosis, diagnose } from './diagnosis.ts'
import { CERTIFICATE, endEdge, freePort, startNginx, startPod, TLS } from './edge.ts'

const nginx = requires('nginx')
const PORT = 8120
const CLI = fileURLToPath(new URL('../../src/cli.ts', import.meta.url))

/** Each of these has an address of its own, so that one nginx is them all. */
const WRONG = {
  buffers: 'proxy_ignore_headers X-Accel-Buffering;',
  compresses: 'gzip on; gzip_types text/event-stream; gzip_min_length 0; gzip_http_version 1.0;',
  compressesAndHolds: `proxy_http_version 1.1; proxy_ignore_headers X-Accel-Buffering;
    gzip on; gzip_types text/event-stream; gzip_min_length 0;`,
  cutsWhatIsIdle: 'proxy_read_timeout 2s;',
  changesTheType: 'proxy_hide_header Content-Type; add_header Content-Type text/plain;',
  hidesTheType: 'proxy_hide_header Content-Type;',
  hidesCacheControl: 'proxy_hide_header Cache-Control;',
  takesTheIdAway: 'proxy_set_header Last-Event-ID "";',
  caches: `proxy_cache events; proxy_cache_valid 200 1m; proxy_http_version 1.1; proxy_cache_lock off;
    proxy_ignore_headers X-Accel-Buffering Cache-Control;`,
  triesNoOther: 'proxy_next_upstream off;',
  letsOneThrough: 'limit_conn one 1;',
  leadsNowhere: 'rewrite ^ /nowhere break;',
  leadsToAPage: 'rewrite ^ /page break;',
  right: '',
} as const

type Wrong = keyof typeof WRONG

const host = (name: Wrong) => `127.0.97.${10 + Object.keys(WRONG).indexOf(name)}`
const url = (name: Wrong) => `http://${host(name)}:${PORT}/events`
const ask = (name: Wrong, idleMs?: number): Promise<Diagnosis> =>
  diagnose(url(name), { ...(idleMs && { idleMs }) })

describe.skipIf(!nginx)('behind nginx (skipped where it is missing)', () => {
  let refusedPort = 0
  const tlsPorts: Record<'one' | 'two', number> = { one: 0, two: 0 }

  beforeAll(async () => {
    refusedPort = await freePort()
    tlsPorts.one = await freePort()
    tlsPorts.two = await freePort()
    // The first connection of each Pod has a heartbeat after a fifteenth of this; the doctor's come first.
    const pod = await startPod()
    const beating = await startPod({ heartbeatMs: 12_000 })
    const leaving = await startPod()
    const upstream = (name: Wrong) => {
      if (name === 'caches') return leaving.origin
      if (name === 'triesNoOther') return 'http://half'
      return name === 'cutsWhatIsIdle' ? beating.origin : pod.origin
    }
    const blocks = (Object.keys(WRONG) as Wrong[]).map(
      (name) => `server { listen ${host(name)}:${PORT};
        location / { ${WRONG[name]} proxy_pass ${upstream(name)}; } }`,
    )
    const edge = `127.0.97.9:${PORT}`
    blocks.push(`server { listen ${edge};
      location /dead { proxy_pass http://127.0.0.1:${refusedPort}; }
      location /moved { return 301 ${url('right')}$is_args$args; }
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
    // What is in the cache is the response that a Pod ended when it stopped; another came in its place.
    const cached = await fetch(`${url('caches')}?stream=sser-doctor`, {
      headers: { 'accept-encoding': 'gzip' },
    })
    await leaving.stop()
    await cached.text()
    await startPod({ port: leaving.port })
  })

  afterAll(endEdge)

  test.concurrent('finds nothing where nothing is wrong', async () => {
    const { causes, findings, says } = await ask('right', 2_500)
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
    expect(says('duration')).toContain('open for 2.5 s')
  })

  test.concurrent('names buffering, and that not even the head came', async () => {
    const { causes, says } = await ask('buffers')
    expect(causes).toEqual(['buffered'])
    expect(says('first event')).toContain('not even the head')
  })

  test.concurrent('names compression, where events come through all the same', async () => {
    expect((await ask('compresses')).causes).toEqual(['compressed'])
  })

  test.concurrent('names compression, not buffering, where it is what holds events back', async () => {
    const { causes, says } = await ask('compressesAndHolds')
    expect(causes).toEqual(['compressed'])
    expect(says('first event')).toContain('does not offer gzip')
  })

  test.concurrent('measures an idle limit', async () => {
    const { causes, says } = await ask('cutsWhatIsIdle', 8_000)
    expect(causes).toEqual(['idle-cut'])
    expect(says('duration')).toMatch(/after 2\.\d s without an event/)
  })

  test.concurrent.each([
    ['changesTheType', 'content-type', 'text/plain'],
    ['hidesTheType', 'content-type', 'missing'],
    ['hidesCacheControl', 'cache-control', 'missing'],
  ] as const)('names the header where an edge %s', async (name, check, what) => {
    const { causes, says } = await ask(name)
    expect(causes).toEqual([check])
    expect(says(check)).toContain(what)
  })

  test.concurrent('names the id that does not arrive', async () => {
    expect((await ask('takesTheIdAway')).causes).toEqual(['last-event-id'])
  })

  test.concurrent('names the limit that lets one stream through', async () => {
    expect((await ask('letsOneThrough')).causes).toEqual(['one-at-a-time'])
  })

  test.concurrent('names an edge that asks no other Pod in place of one that is gone', async () => {
    const { causes, findings } = await ask('triesNoOther')
    expect(causes).toEqual(['no-retry'])
    expect(findings.find(({ cause }) => cause === 'no-retry')?.says).toContain('got a 502')
  })

  test.concurrent('tells a page from an event stream', async () => {
    const { causes, says } = await ask('leadsToAPage')
    expect(causes).toEqual(['not-sser'])
    expect(says('sser')).toContain('Sign in')
  })

  test.concurrent('names a path that leads nowhere', async () => {
    expect((await ask('leadsNowhere')).causes).toEqual(['not-found'])
  })

  test.concurrent.each([
    ['/dead', 'bad-gateway', 'by nginx'],
    ['/theirs', 'credentials', '403'],
    ['/mine', 'credentials', '401'],
    ['/moved', 'redirect', 'an event stream is'],
    ['/login', 'redirect', 'a login page, perhaps'],
    ['/circle', 'redirect-loop', 'in a circle'],
  ])('explains what is at %s', async (path, cause, what) => {
    const { causes, says } = await diagnose(`http://127.0.97.9:${PORT}${path}`)
    expect(causes).toEqual([cause])
    expect(says('status')).toContain(what)
  })

  test.concurrent('sends the headers that it was given', async () => {
    const headers = { authorization: 'Bearer me' }
    expect((await diagnose(`http://127.0.97.9:${PORT}/mine`, { headers })).causes).toEqual([])
  })

  test.concurrent('hands on what sser itself says when it refuses', async () => {
    const { causes, says } = await diagnose(`${url('right')}?stream=`)
    expect(causes).toEqual(['refused-by-sser'])
    expect(says('status')).toContain('A stream name must be supplied')
  })

  test.concurrent('names a cache, not the Pod that has long gone', async () => {
    expect((await ask('caches')).causes).toEqual(['cached'])
  })

  test.concurrent('refuses a certificate that a browser would refuse', async () => {
    expect((await diagnose(`https://127.0.0.1:${tlsPorts.two}/events`)).causes).toEqual(['certificate'])
  })

  test.concurrent('names the HTTP version where TLS is without HTTP/2', async () => {
    const { causes } = await diagnose(`https://127.0.0.1:${tlsPorts.one}/events`, { insecure: true })
    expect(causes).toEqual(['no-http2'])
  })

  test.concurrent('is content with HTTP/2 over TLS, as a command that exits with 0', async () => {
    const { code, stdout } = await run(`https://127.0.0.1:${tlsPorts.two}/events`, '--idle', '1')
    expect(stdout).toContain('✓ HTTP/2')
    expect(stdout).toContain('Nothing stands in the way.')
    expect(code).toBe(0)
  })

  test.concurrent('is refused with 2, and what is wrong with 1, for programs as JSON', async () => {
    const refused = await run(`http://127.0.0.1:${refusedPort}/events`, '--json')
    expect(refused.code).toBe(2)
    expect(JSON.parse(refused.stdout)).toMatchObject({ exitCode: 2, findings: [{ cause: 'refused' }] })
    const wrong = await run(url('hidesCacheControl'), '--json', '--idle', '1')
    expect(wrong.code).toBe(1)
    const { findings } = JSON.parse(wrong.stdout) as { findings: { cause?: string; mends?: unknown[] }[] }
    expect(findings.find(({ cause }) => cause === 'cache-control')?.mends).not.toEqual([])
  })
})

/** The command as a process of its own, which trusts the tests' certificate. */
function run(...args: string[]): Promise<{ code: number; stdout: string }> {
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: CERTIFICATE }
  return new Promise((resolve) => {
    execFile(process.execPath, [CLI, 'doctor', ...args], { env, timeout: 10_000 }, (error, stdout) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout })
    })
  })
}
