import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { busyMs } from '../support/cpu-time.ts'
import { acquainted, endPods, PodProcess, type Runtime } from '../support/pod-process.ts'
import { closeClients, StreamClient } from '../support/stream-client.ts'
import { until } from '../support/until.ts'
import { GoReceiver, GoSender } from './go-pod.ts'

const IDS: Record<Runtime, number> = { node: 1, bun: 11 }

interface Pair {
  host: string
  go: GoReceiver
  pod: PodProcess
  /** From Go to the Pod. */
  sender: GoSender
}

const pairs: Pair[] = []

beforeAll(async () => {
  for (const runtime of ['node', 'bun'] as const) {
    const host = `127.0.20.${IDS[runtime]}`
    const go = await GoReceiver.listen(`127.0.20.${IDS[runtime] + 1}`, 7110)
    const pod = await PodProcess.start({ runtime, host, peers: [go.host] })
    const sender = await GoSender.open(`${host}:7110`)
    // A connection on which the Pod hears no peer is closed after 10 s.
    await sender.send('none', 'first')
    pairs.push({ host, go, pod, sender })
    await acquainted([pod])
  }
})

afterAll(async () => {
  closeClients()
  await endPods()
  for (const { go } of pairs) await go.close()
})

describe.each<[Runtime, number]>([
  ['node', 0],
  ['bun', 1],
])('a Go Pod beside one under %s', (runtime, index) => {
  let { host, go, pod, sender } = {} as Pair
  beforeAll(() => {
    ;({ host, go, pod, sender } = pairs[index] as Pair)
  })

  test('is answered without a body, on the connection that it keeps', async () => {
    const client = await StreamClient.open(pod.url, 'plain')
    for (let i = 0; i < 20; i += 1) {
      const { head, status } = await sender.send('plain', `from Go ${i}`)
      expect(status).toBe(200)
      expect(head).toMatch(/\r\ncontent-length: 0(\r\n|$)/i)
      expect(head).not.toMatch(/transfer-encoding|connection: *close/i)
      expect(sender.raw.bytes).toHaveLength(0)
    }
    await until('the client has all 20', () => client.received.length === 20)
    expect(client.messages).toEqual(Array.from({ length: 20 }, (_, i) => `from Go ${i}`))
    // No epoch, no id of its own: the client keeps the one that it was greeted with.
    expect(new Set(client.received.map(({ id }) => id)).size).toBe(1)
    expect(sender.raw.isClosed).toBe(false)
  })

  test('sends escapes, unknown fields and raw UTF-8 that are understood', async () => {
    const client = await StreamClient.open(pod.url, 'escapes')
    const exact = String.raw`{"stream":"escapes","msg":"\u003cb\u003e \u0026 \u2028 \ufffd","more":[1]}`
    expect((await sender.post(exact)).status).toBe(200)
    expect((await sender.send('escapes', '<größe ✓ 😀>')).status).toBe(200)
    expect((await sender.send('escapes', 'two\nlines')).status).toBe(200)
    await until('the client has all 3', () => client.received.length === 3)
    expect(client.messages).toEqual(['<b> & \u2028 \ufffd', '<größe ✓ 😀>', 'two\nlines'])
  })

  test('gets "invalid JSON" for a malformed body, and no client is affected', async () => {
    const client = await StreamClient.open(pod.url, 'bad')
    const bodies = ['{', '', '[]', 'null', '{"stream":"bad","msg":1}', '\ufeff{"stream":"bad","msg":"bom"}']
    const empty = ['{"stream":"bad","msg":""}', '{"stream":"bad"}', '{"stream":"","msg":"x"}', '{"msg":"x"}']
    for (const body of [...bodies, ...empty]) {
      expect(await sender.post(body)).toMatchObject({ status: 400, body: 'invalid JSON\n' })
    }
    expect((await sender.send('bad', 'good')).status).toBe(200)
    await until('the client is still there', () => client.received.length > 0)
    expect(client.messages).toEqual(['good'])
    expect(sender.raw.isClosed).toBe(false)
  })

  test('gets 413 before it has sent a body that is too large', async () => {
    const large = await GoSender.open(`${host}:7110`)
    const head =
      'POST /api/json/v1/send HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9000000\r\n\r\n{"stream":"x","msg":"'
    large.raw.socket.write(head)
    const text = await large.raw.holds('a 413', (bytes) => /^HTTP\/1\.1 413 /.test(bytes))
    expect(text).toMatch(/\r\nconnection: close\r\n/i)
    // The other connections are not concerned.
    expect((await sender.send('x', 'small')).status).toBe(200)
    large.raw.socket.destroy()
  })

  test('gets every event once, in order, one at a time, on connections that are kept', async () => {
    const client = await StreamClient.open(pod.url, 'to go')
    go.bodies.length = 0
    go.atOnce = 0
    go.delayMs = 5
    const sent = Array.from({ length: 50 }, (_, i) => `to Go ${i} <&>`)
    for (const msg of sent.slice(0, 5)) {
      const { peers, connections } = await pod.send('to go', msg)
      expect(peers).toEqual([{ peer: go.host, status: 'delivered' }])
      expect(connections).toBe(1)
    }
    const ids = await Promise.all(sent.slice(5).map(async (msg) => [(await pod.send('to go', msg)).id, msg]))
    go.delayMs = 0
    await until('the Go Pod has all 50', () => go.bodies.length >= 50)
    expect(go.atOnce).toBe(1)
    // A pool may hold a second connection; it never takes one for each message.
    expect(go.connections.size).toBeLessThanOrEqual(2)
    expect(JSON.parse(go.bodies[0] as string)).toEqual({ stream: 'to go', msg: sent[0] })
    // Concurrent sends arrive in the order of the receipts' seqs, here and at this Pod's own client.
    expect(go.messages.toSorted()).toEqual(sent.toSorted())
    const seq = (id: string) => Number.parseInt(id.slice(5, id.indexOf('-')), 36)
    const byId = new Map(ids.map(([id, msg]) => [msg as string, seq(id as string)]))
    const seqs = go.messages.slice(5).map((msg) => byId.get(msg) as number)
    expect(seqs).toEqual(seqs.toSorted((a, b) => a - b))
    await until('the client has all 50', () => client.received.length >= 50)
    expect(client.messages).toEqual(go.messages)
    // Asked for its log, and whether it speaks v2; not again within the minute.
    expect(go.unknownRequests).toEqual(['POST /api/json/v2/append', 'POST /api/json/v2/append'])
  })

  test('gets every response within its 100 ms while the Pod is busy', async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, () => StreamClient.open(pod.url, 'load')))
    let busy = true
    const load = async () => {
      for (let i = 0; busy; i += 1) await pod.send('load', `load ${i} ${'x'.repeat(500)}`)
    }
    const loads = Array.from({ length: 8 }, load)
    const times: number[] = []
    const post = async (i: number) => expect((await sender.send('load', `from Go ${i}`)).status).toBe(200)
    try {
      for (let i = 0; i < 500; i += 1) times.push(await busyMs(pod, () => post(i)))
    } finally {
      busy = false
      await Promise.all(loads)
    }
    times.sort((a, b) => a - b)
    const all = clients[0]?.messages.filter((msg) => msg.startsWith('from Go')) ?? []
    console.log(
      `${runtime}: busy until a v1 answer under load, ms: median ${times[250]}, p99 ${times[494]}, slowest ${times.at(-1)}`,
    )
    // All but those with a collection of garbage meanwhile.
    expect(times[494]).toBeLessThan(100)
    expect(all).toEqual(Array.from({ length: 500 }, (_, i) => `from Go ${i}`))
  })
})
