import { context, ROOT_CONTEXT, SpanKind, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { AlwaysOffSampler, AlwaysOnSampler, TracerProvider } from '@opentelemetry/sdk-trace'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { SserOptions } from '../../src/index.ts'
import { openTelemetryTracing } from '../../src/opentelemetry.ts'
import { closeClients, RawClient, StreamClient } from '../support/stream-client.ts'
import { until } from '../support/until.ts'
import { HOSTS, TracedPod } from './traced-pod.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SAMPLED = `00-${TRACE}-b7ad6b7169203331-01`
const UNSAMPLED = `00-${TRACE}-b7ad6b7169203331-00`
const ASIDE = new TracerProvider({ sampler: new AlwaysOnSampler() }).getTracer('app')

const pods: TracedPod[] = []
const fleet = () => [pods[0], pods[1], pods[2]] as [TracedPod, TracedPod, TracedPod]

/** Three Pods that know each other, with one client of `a` on each. */
async function start(settings: (tracer: Tracer) => SserOptions): Promise<StreamClient[]> {
  for (const host of HOSTS) pods.push(new TracedPod(host, settings))
  await Promise.all(pods.map((pod) => pod.start()))
  const isUp = ({ sser }: TracedPod) =>
    sser.peers.every(({ state }) => state === 'connected' || state === 'self')
  await until('the Pods know each other', () => pods.every(isUp))
  return Promise.all(pods.map(({ url }) => StreamClient.open(url, 'a')))
}

const traced = (tracer: Tracer): SserOptions => ({ tracing: openTelemetryTracing({ tracer }) })

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
})

afterAll(() => {
  context.disable()
})

afterEach(async () => {
  closeClients()
  await Promise.all(pods.splice(0).map((pod) => pod.stop()))
})

describe('with the bridge to OpenTelemetry', () => {
  test('a send under an active span is delivered on every Pod in that trace', async () => {
    const clients = await start(traced)
    const [one, two, three] = fleet()
    const app = ASIDE.startSpan('POST /orders')
    const receipt = await context.with(trace.setSpan(ROOT_CONTEXT, app), () => one.sser.send('a', 'x'))
    app.end()
    await until('all have it', () => clients.every(({ messages }) => messages[0] === 'x'))

    const { traceId } = app.spanContext()
    const send = await one.span('send')
    expect(send.kind).toBe(SpanKind.PRODUCER)
    expect(send.spanContext().traceId).toBe(traceId)
    expect(send.parentSpanContext?.spanId).toBe(app.spanContext().spanId)
    expect(send.attributes).toEqual({
      'messaging.system': 'sser',
      'messaging.operation.name': 'send',
      'messaging.operation.type': 'send',
      'messaging.message.id': receipt.id,
      'sser.duplicate': false,
      'sser.connections': 1,
      'sser.peers.delivered': 2,
      'sser.peers.pending': 0,
      'sser.peers.failed': 0,
    })
    for (const pod of [one, two, three]) {
      const deliver = await pod.span('deliver')
      expect(deliver.kind).toBe(SpanKind.CONSUMER)
      expect(deliver.spanContext().traceId).toBe(traceId)
      expect(deliver.parentSpanContext?.spanId).toBe(send.spanContext().spanId)
      expect(deliver.attributes).toEqual({
        'messaging.system': 'sser',
        'messaging.operation.name': 'deliver',
        'messaging.operation.type': 'process',
        'messaging.message.id': receipt.id,
        'sser.connections': 1,
      })
    }
    await until('both appends ended', () => one.spans('append').length === 2)
    for (const append of one.spans('append')) {
      expect(append.kind).toBe(SpanKind.CLIENT)
      expect(append.spanContext().traceId).toBe(traceId)
      expect(append.links.map((link) => link.context.spanId)).toEqual([send.spanContext().spanId])
    }
    const peers = one.spans('append').map(({ attributes }) => attributes['server.address'])
    expect(peers.toSorted()).toEqual([HOSTS[1], HOSTS[2]])
  })

  test('an event has one delivery span, and none without connections', async () => {
    await start(traced)
    const [one, two, three] = fleet()
    for (let i = 0; i < 9; i += 1) await StreamClient.open(two.url, 'b', 'c')
    await one.sser.send('b', 'x', { traceparent: SAMPLED })
    expect((await two.span('deliver')).attributes['sser.connections']).toBe(9)
    expect(one.spans('deliver').length + three.spans('deliver').length).toBe(0)
  })

  test('a batch has one request span, linked to up to 128 events', async () => {
    await start(traced)
    const [one] = fleet()
    const msgs = Array.from({ length: 200 }, (_, i) => `event ${i}`)
    await Promise.all(msgs.map((msg) => one.sser.send('a', msg)))
    await until('both appends ended', () => one.spans('append').length >= 2)
    const sends = one.spans('send').map((span) => span.spanContext().spanId)
    for (const append of one.spans('append')) {
      expect(append.links.map((link) => link.context.spanId)).toEqual(sends.slice(0, 128))
      expect(append.droppedLinksCount).toBe(0)
      expect(append.attributes['messaging.batch.message_count']).toBe(200)
    }
  })

  test('the caller’s traceparent is the parent, even within an active span', async () => {
    await start(traced)
    const [one, two] = fleet()
    const app = ASIDE.startSpan('another')
    await context.with(trace.setSpan(ROOT_CONTEXT, app), () =>
      one.sser.send('a', 'x', { traceparent: SAMPLED }),
    )
    const send = await one.span('send')
    expect(send.parentSpanContext).toMatchObject({ traceId: TRACE, spanId: 'b7ad6b7169203331' })
    expect((await two.span('deliver')).parentSpanContext?.spanId).toBe(send.spanContext().spanId)
  })

  test('an unsampled event makes no span, and carries its context', async () => {
    const clients = await start(traced)
    const [one] = fleet()
    await one.sser.send('a', 'x', { traceparent: UNSAMPLED })
    await until('all have it', () => clients.every(({ messages }) => messages[0] === 'x'))
    expect(pods.flatMap((pod) => [...pod.spans('append'), ...pod.spans('deliver')])).toEqual([])
    expect(one.posted.join()).toContain(`00-${TRACE}-`)
  })

  test('a send that fails ends its span with the error', async () => {
    await start(traced)
    const [one] = fleet()
    await expect(one.sser.send('', 'x')).rejects.toThrow('stream name')
    const send = await one.span('send')
    expect(send.status.code).toBe(SpanStatusCode.ERROR)
    expect(send.attributes['error.type']).toBe('stream-name-required')
  })

  test('spans name streams only if the option is set', async () => {
    await start((tracer) => ({ tracing: openTelemetryTracing({ tracer, streamNames: true }) }))
    const [one] = fleet()
    await one.sser.send('a', 'x')
    for (const span of [await one.span('send'), await one.span('deliver')]) {
      expect(span.name).toMatch(/ a$/)
      expect(span.attributes['messaging.destination.name']).toBe('a')
    }
  })

  test('without a registered provider nothing is traced, and everything works', async () => {
    const clients = await start(() => ({ tracing: openTelemetryTracing() }))
    const [one] = fleet()
    await one.sser.send('a', 'x')
    await until('all have it', () => clients.every(({ messages }) => messages[0] === 'x'))
    expect(one.posted.join()).not.toContain('traceparent')
  })

  test('a sampler that rejects the trace does not stop the event', async () => {
    const never = new TracerProvider({ sampler: new AlwaysOffSampler() }).getTracer('never')
    const clients = await start(() => traced(never))
    const [one] = fleet()
    await one.sser.send('a', 'x')
    await until('all have it', () => clients.every(({ messages }) => messages[0] === 'x'))
  })
})

describe('without tracing', () => {
  test('the wire carries no trace fields', async () => {
    const clients = await start(() => ({}))
    const [one] = fleet()
    await one.sser.send('a', 'x')
    await until('all have it', () => clients.every(({ messages }) => messages[0] === 'x'))
    expect(one.posted.some((body) => body.includes('"msg":"x"'))).toBe(true)
    expect(one.posted.join()).not.toContain('trace')
  })

  test('a traceparent reaches every log with its event, and no client', async () => {
    await start(() => ({}))
    const [one, two, three] = fleet()
    const raw = await RawClient.events(two.url, ['a'])
    await raw.holds('a greeting', (bytes) => bytes.includes('sser-position'))
    await three.stop()
    await one.sser.send('a', 'x', { traceparent: SAMPLED })
    const text = await raw.holds('the event', (bytes) => bytes.includes('data: x'))
    expect(text).not.toContain(TRACE)
    await one.stop()
    // Its sender is gone: a new Pod has it from another.
    const later = new TracedPod(HOSTS[2] as string, () => ({}))
    pods[2] = later
    await later.start()
    const events = (await later.held()).filter(({ msg }) => msg === 'x')
    expect(events.map(({ traceparent }) => traceparent)).toEqual([SAMPLED])
  })

  test('an invalid traceparent is dropped, and the event is sent', async () => {
    const clients = await start(() => ({}))
    const [one] = fleet()
    await one.sser.send('a', 'x', { traceparent: `${SAMPLED}\n` })
    await one.sser.send('a', 'y', { traceparent: 1 as unknown as string })
    await until('all have both', () => clients.every(({ messages }) => messages.length === 2))
    expect(one.posted.join()).not.toContain('trace')
  })
})

test('a tracing hook that throws breaks nothing', async () => {
  const broken = () => {
    throw new Error('no tracing today')
  }
  const span = () => ({ traceparent: SAMPLED, end: broken, fail: broken })
  for (const tracing of [
    { send: broken, append: broken, deliver: broken },
    { send: span, append: span, deliver: span },
  ]) {
    const clients = await start(() => ({ tracing }))
    const [one] = fleet()
    const { peers } = await one.sser.send('a', 'x', { traceparent: SAMPLED })
    expect(peers.map(({ status }) => status)).toEqual(['delivered', 'delivered'])
    await until('all have it', () => clients.every(({ messages }) => messages[0] === 'x'))
    closeClients()
    await Promise.all(pods.splice(0).map((pod) => pod.stop()))
  }
})

test('tracing hooks are called for requests and deliveries of sampled events only', async () => {
  const asked: string[] = []
  const span = (name: string) => () => {
    asked.push(name)
    return { traceparent: UNSAMPLED, end: () => {}, fail: () => {} }
  }
  const clients = await start(() => ({
    tracing: { send: span('send'), append: span('append'), deliver: span('deliver') },
  }))
  await fleet()[0].sser.send('a', 'x', { traceparent: SAMPLED })
  await until('all have it', () => clients.every(({ messages }) => messages[0] === 'x'))
  expect(asked).toEqual(['send'])
})
