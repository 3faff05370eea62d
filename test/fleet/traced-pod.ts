import type { Tracer } from '@opentelemetry/api'
import {
  AlwaysOnSampler,
  InMemorySpanExporter,
  ParentBasedSampler,
  type ReadableSpan,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import { Hono } from 'hono'
import { expect } from 'vitest'
import { type Sser, type SserOptions, StaticPeerFinder } from '../../src/index.ts'
import { type RunningServer, serve } from '../../src/node.ts'
import { APPEND_URL_PATH, encodeAppend, parseAppend } from '../../src/wire/append-message.ts'
import { newSser } from '../support/settings.ts'
import { until } from '../support/until.ts'

export const HOSTS = ['127.0.57.1', '127.0.57.2', '127.0.57.3']
const PORT = 7110

/** A Pod in this process, on real sockets, with a tracer provider of its own. */
export class TracedPod {
  readonly sser: Sser
  /** Bodies that it posted to its peers. */
  readonly posted: string[] = []
  readonly #exporter = new InMemorySpanExporter()
  readonly #host: string
  #served: RunningServer | undefined

  constructor(host: string, trace: (tracer: Tracer) => SserOptions) {
    this.#host = host
    const provider = new TracerProvider({
      sampler: new ParentBasedSampler({ root: new AlwaysOnSampler() }),
      spanProcessors: [new SimpleSpanProcessor({ exporter: this.#exporter })],
    })
    this.sser = newSser({
      peerFinder: new StaticPeerFinder(HOSTS.map((each) => `${each}:${PORT}`)),
      internalPort: PORT,
      drainTimeoutMs: 0,
      flushTimeoutMs: 0,
      logger: false,
      peerFetch: (url, init) => {
        this.posted.push(String(init.body))
        return fetch(url, init)
      },
      ...trace(provider.getTracer('sser')),
    })
  }

  get url(): string {
    return `http://${this.#host}:${this.#served?.port}`
  }

  get internalUrl(): string {
    return `http://${this.#host}:${PORT}`
  }

  async start(): Promise<void> {
    const app = new Hono().route('/events', this.sser.routes)
    this.#served = await serve({ sser: this.sser, fetch: app.fetch, hostname: this.#host, port: 0 })
  }

  async stop(): Promise<void> {
    await this.#served?.stop()
  }

  spans(name: string): ReadableSpan[] {
    return this.#exporter.getFinishedSpans().filter((span) => span.name.split(' ')[0] === name)
  }

  async span(name: string): Promise<ReadableSpan> {
    await until(`a span ${name}`, () => this.spans(name).length > 0)
    expect(this.spans(name)).toHaveLength(1)
    return this.spans(name)[0] as ReadableSpan
  }

  /** All events that a new Pod would be given here. */
  async held() {
    const body = encodeAppend({ epoch: 'test0', position: new Map(), runs: [], hydrate: true })
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(this.internalUrl + APPEND_URL_PATH, { method: 'POST', headers, body })
    return parseAppend(await answer.text()).runs.flatMap(({ events }) => events)
  }
}
