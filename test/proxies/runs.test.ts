import { connect } from 'node:http2'
import { fileURLToPath } from 'node:url'
import { constants, createGunzip } from 'node:zlib'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { endPods, PodProcess, type Runtime } from '../support/pod-process.ts'
import { requires } from '../support/requires.ts'
import { until } from '../support/until.ts'
import { nginx } from './products.ts'
import { ReverseProxy } from './reverse-proxy.ts'

const SCRIPT = fileURLToPath(new URL('../fleet/run-pod.ts', import.meta.url))
const program = requires(nginx.program)
/** Ports of the proxy: `ReverseProxy` asks the first one whether a Pod answers. */
const HTTP1 = 8080
const HTTP2 = 8081

/** nginx as it is installed, which buffers responses, with compression of all that it passes. */
function buffering(host: string, pod: string): string {
  const server = (listen: string) => `server {
    listen ${listen};
    location / { proxy_pass ${pod}; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }`
  return `proxy_buffering on; gzip on; gzip_min_length 0; gzip_types text/event-stream;
    ${server(`${host}:${HTTP1}`)} ${server(`${host}:${HTTP2} http2`)}`
}

/** A reader of a run behind the proxy. */
class ProxiedReader {
  readonly events: EventSourceMessage[] = []
  readonly encoding: unknown
  /** Undefined: the body has not ended. */
  isWhole: boolean | undefined

  private constructor(encoding: unknown, body: AsyncIterable<Uint8Array>) {
    this.encoding = encoding
    void this.#read(body)
  }

  static async overHttp1(host: string, path: string): Promise<ProxiedReader> {
    const response = await fetch(`http://${host}:${HTTP1}${path}`, { headers: { 'accept-encoding': 'gzip' } })
    expect(response.status).toBe(200)
    return new ProxiedReader(
      response.headers.get('content-encoding'),
      response.body as AsyncIterable<Uint8Array>,
    )
  }

  static overHttp2(host: string, path: string): Promise<ProxiedReader> {
    return new Promise((resolve, reject) => {
      const session = connect(`http://${host}:${HTTP2}`)
      session.on('error', reject)
      const stream = session.request({ ':path': path, 'accept-encoding': 'gzip' })
      stream.on('error', reject).on('close', () => session.close())
      stream.once('response', (headers) => {
        const encoding = headers['content-encoding']
        const gunzip = createGunzip({ flush: constants.Z_SYNC_FLUSH })
        stream.pipe(gunzip)
        stream.on('error', (error) => gunzip.destroy(error))
        resolve(new ProxiedReader(encoding, gunzip))
      })
    })
  }

  /** Data of the events of the app. */
  get texts(): string[] {
    return this.events.filter(({ event }) => event === undefined).map(({ data }) => data)
  }

  async #read(body: AsyncIterable<Uint8Array>): Promise<void> {
    const parser = createParser({ onEvent: (event) => this.events.push(event) })
    const decoder = new TextDecoder()
    try {
      for await (const bytes of body) parser.feed(decoder.decode(bytes, { stream: true }))
      this.isWhole = true
    } catch {
      this.isWhole = false
    }
  }
}

describe.skipIf(program === undefined).each<[Runtime, string, string]>([
  ['node', '127.8.1.1', '127.8.1.11'],
  ['bun', '127.8.1.2', '127.8.1.12'],
])('a run of %s behind nginx that buffers and compresses (needs nginx)', (runtime, host, front) => {
  let pod: PodProcess
  let proxy: ReverseProxy

  beforeAll(async () => {
    pod = await PodProcess.start({ runtime, host, port: 8000, script: SCRIPT })
    proxy = await ReverseProxy.start(nginx, program as string, front, buffering(front, `http://${host}:8000`))
  })

  afterAll(async () => {
    await proxy?.stop()
    await endPods()
  })

  it.each([
    ['HTTP/1.1', (path: string) => ProxiedReader.overHttp1(front, path)],
    ['HTTP/2', (path: string) => ProxiedReader.overHttp2(front, path)],
  ])('reaches readers over %s chunk by chunk, to its end or its failure', async (protocol, open) => {
    const [ends, fails] = [`ends-${protocol.replace('/', '-')}`, `fails-${protocol.replace('/', '-')}`]
    for (const name of [ends, fails]) await pod.post(`/start/${name}`, {})
    const readers = await Promise.all(
      [`/events?run=${ends}`, `/plain/${ends}`, `/events?run=${fails}`, `/plain/${fails}`].map(open),
    )
    const written: string[] = []
    // Each chunk must arrive before the next one is written.
    for (const chunk of ['Hello', ' wörld 🙂', '\r\ntwo lines', 'x'.repeat(20_000), 'end']) {
      written.push(chunk.replace('\r\n', '\n'))
      for (const name of [ends, fails]) await pod.post(`/write/${name}`, [chunk])
      await until(`all readers have ${written.length} chunks`, () =>
        readers.every(({ texts }) => texts.length === written.length),
      )
    }
    for (const { texts, encoding } of readers) expect([encoding, texts]).toEqual(['gzip', written])
    await Promise.all([pod.post(`/end/${ends}`, {}), pod.post(`/fail/${fails}`, {})])
    await until('all bodies end', () => readers.every(({ isWhole }) => isWhole !== undefined))
    expect(readers.map(({ isWhole }) => isWhole)).toEqual([true, true, true, false])
    expect(readers.map(({ events }) => events.at(-1)?.event)).toEqual([
      'sser-end',
      undefined,
      'sser-end',
      undefined,
    ])
  })
})
