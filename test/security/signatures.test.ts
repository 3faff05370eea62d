import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { encodeAppend } from '../../src/wire/append-message.ts'
import { until } from '../support/until.ts'
import { type PodSettings, SecuredFleet, type SecuredPod } from './fleet.ts'

// Implements docs/protocol.md as a Pod in another language would: the code of src/ signs nothing here.

const V2 = '/api/json/v2/append'
const peerSecret = 'correct horse battery staple'
const fleet = new SecuredFleet('127.0.72')
afterEach(() => fleet.stop())

interface Request {
  time: number
  sender: string
  number: number
  uid: string
  body: string
}

const hmac = (...lines: (string | number)[]) =>
  createHmac('sha256', peerSecret).update(lines.join('\n')).digest('base64url')
const macOf = ({ time, sender, number, uid, body }: Request) =>
  hmac('sser request', 'POST', V2, uid, time, sender, number, body)
const answerHeader = (mac: string, status: number, time: number, body: string) =>
  `t=${time}, m=${hmac('sser answer', mac, status, time, body)}`

/** A message of an unknown Pod, without events. */
const message = (epoch = 'Zr7b0') => encodeAppend({ epoch, position: new Map(), runs: [] })

function request(change: Partial<Request> = {}): Request {
  return { time: Date.now() + 1, sender: '0123456789abcdef', number: 1, uid: '', body: message(), ...change }
}

async function one(settings: PodSettings = {}): Promise<SecuredPod> {
  const [pod] = (await fleet.start({ peerSecret, ...settings })) as [SecuredPod]
  return pod
}

async function post(pod: SecuredPod, sent: Request, mac = macOf(sent)) {
  const { time, sender, number, uid, body } = sent
  const headers = {
    'content-type': 'application/json',
    'sser-signature': `t=${time}, s=${sender}, n=${number}, m=${mac}`,
    ...(uid !== '' && { 'sser-target': uid }),
  }
  const response = await fetch(pod.internal + V2, { method: 'POST', body, headers })
  return {
    status: response.status,
    body: await response.text(),
    signature: response.headers.get('sser-signature'),
  }
}

function expectSigned(mac: string, { status, body, signature }: Awaited<ReturnType<typeof post>>): number {
  const time = Number(/^t=(\d+), /.exec(signature ?? '')?.[1])
  expect(signature).toBe(answerHeader(mac, status, time, body))
  return time
}

describe('a request', () => {
  it('is accepted if signed as the protocol says, and its response is signed', async () => {
    const pod = await one()
    const sent = request()
    const answer = await post(pod, sent)
    expect(answer.status).toBe(200)
    expect(Math.abs(expectSigned(macOf(sent), answer) - Date.now())).toBeLessThan(10_000)
  })

  it.each<[string, Partial<Request>]>([
    ['time', { time: Date.now() + 5_000 }],
    ['sender', { sender: 'fedcba9876543210' }],
    ['number', { number: 2 }],
    ['target', { uid: 'somebody' }],
    ['body', { body: message('EVIL0') }],
  ])('is rejected if its %s was altered', async (_, change) => {
    const pod = await one()
    const sent = request()
    expect((await post(pod, { ...sent, ...change }, macOf(sent))).status).toBe(401)
    expect((await post(pod, sent)).status).toBe(200)
  })

  it('is rejected if any one character of its MAC is wrong', async () => {
    const pod = await one()
    const sent = request()
    const mac = macOf(sent)
    for (let at = 0; at < 42; at += 1) {
      const wrong = mac.slice(0, at) + (mac[at] === 'A' ? 'B' : 'A') + mac.slice(at + 1)
      expect((await post(pod, sent, wrong)).status).toBe(401)
    }
    expect((await post(pod, sent)).status).toBe(200)
  })

  it.each([
    ['31 s late', -31_000],
    ['31 s early', 31_000],
    ['from before the Pod started', -10_000],
  ])('is rejected with the Pod’s time if %s', async (_, ms) => {
    const pod = await one()
    const sent = request({ time: Date.now() + ms })
    const answer = await post(pod, sent)
    expect([answer.status, answer.body]).toEqual([401, ''])
    const time = expectSigned(macOf(sent), answer)
    expect((await post(pod, request({ time }))).status).toBe(200)
  })

  it('is rejected if its number is repeated or far below the window', async () => {
    const pod = await one()
    const statusOf = async (number: number, sender?: string) =>
      (await post(pod, request({ number, ...(sender !== undefined && { sender }) }))).status
    const statuses: [number, number][] = []
    const numbers = [100, 100, 99, 69, 68, 99, 69, 101, 100, 70, 69, 200, 169, 168, 101, 200]
    for (const number of numbers) statuses.push([number, await statusOf(number)])
    const refused = statuses.filter(([, status]) => status === 401).map(([number]) => number)
    expect(refused).toEqual([100, 68, 99, 69, 100, 69, 168, 101, 200])
    expect(await statusOf(1, 'fedcba9876543210')).toBe(200)
  })

  it('is rejected with a wrong signature even while unsigned requests are accepted', async () => {
    const pod = await one({ allowUnsignedPeers: true })
    expect((await post(pod, request(), 'A'.repeat(43))).status).toBe(401)
    const headers = { 'content-type': 'application/json' }
    const bare = await fetch(pod.internal + V2, { method: 'POST', body: message(), headers })
    expect(bare.status).toBe(200)
  })

  it('is rejected without a signature before its body arrives', async () => {
    const pod = await one({ internalBodyTimeoutMs: 60_000 })
    const body = new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array([123])) })
    const init: RequestInit & { duplex: 'half' } = { method: 'POST', body, duplex: 'half' }
    expect((await fetch(pod.internal + V2, init)).status).toBe(401)
  })
})

describe('an answer', () => {
  /** A peer that knows the secret, and answers as it is told. */
  async function peer(
    answer: (asked: { time: number; sender: string; number: number; mac: string }) => {
      status: number
      body: string
      signature?: string
    },
  ) {
    const asked: { time: number; sender: string; number: number; mac: string }[] = []
    const server = createServer(async (incoming, response) => {
      // As a Pod without exchanges.
      if (incoming.url !== V2) {
        response.writeHead(404, { connection: 'close' }).end()
        return
      }
      const header = String(incoming.headers['sser-signature'])
      const [, time, sender = '', number, mac = ''] = /^t=(\d+), s=(\w+), n=(\d+), m=(.+)$/.exec(header) ?? []
      const body = await text(incoming)
      expect(mac).toBe(macOf({ time: Number(time), sender, number: Number(number), uid: '', body }))
      asked.push({ time: Number(time), sender, number: Number(number), mac })
      const { status, body: answered, signature } = answer(asked.at(-1) as (typeof asked)[number])
      response.writeHead(status, signature === undefined ? {} : { 'sser-signature': signature }).end(answered)
    })
    await new Promise<void>((resolve) => server.listen(7_310, '127.0.72.9', resolve))
    onTestFinished(async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    })
    return asked
  }
  const start = (settings: PodSettings = {}) =>
    one({ others: ['127.0.72.9:7310'], initialSyncTimeoutMs: 0, ...settings })
  /** Of the peer, its epoch says that an answer was believed. */
  const epochAt = ({ sser }: SecuredPod) => sser.peers.find(({ peer }) => peer === '127.0.72.9:7310')?.epoch

  const now = () => Date.now()
  it.each<[string, string | undefined, (mac: string) => string | undefined]>([
    ['signed as the protocol says', 'Zr7b0', (mac) => answerHeader(mac, 200, now(), message())],
    ['signed for another request', undefined, () => answerHeader('A'.repeat(43), 200, now(), message())],
    ['with another status', undefined, (mac) => answerHeader(mac, 401, now(), message())],
    ['with another body', undefined, (mac) => answerHeader(mac, 200, now(), message('EVIL0'))],
    ['with another time', undefined, (mac) => answerHeader(mac, 200, 1, message()).replace('t=1,', 't=2,')],
    ['without a signature', undefined, () => undefined],
  ])('is attributed by its signature: %s, Pod %s', async (_, epoch, sign) => {
    await peer(({ mac }) => {
      const signature = sign(mac)
      return { status: 200, body: message(), ...(signature !== undefined && { signature }) }
    })
    expect(epochAt(await start())).toBe(epoch)
  })

  it.each([
    ['a wrong one is not', undefined, { signature: `t=1, m=${'A'.repeat(43)}` }],
    ['none is', 'Zr7b0', {}],
  ])('needs no signature in a rollout: %s taken', async (_, epoch, signed) => {
    await peer(() => ({ status: 200, body: message(), ...signed }))
    expect(epochAt(await start({ allowUnsignedPeers: true }))).toBe(epoch)
  })

  it('adjusts the clock offset at once, and from then on, if clocks differ', async () => {
    const ahead = 7_200_000
    const asked = await peer(({ time, mac }) => {
      const isOfNow = Math.abs(time - ahead - Date.now()) < 30_000
      const [status, body] = isOfNow ? [200, message()] : [401, '']
      return { status, body, signature: answerHeader(mac, status, Date.now() + ahead, body) }
    })
    const pod = await start()
    expect(epochAt(pod)).toBe('Zr7b0')
    await pod.sser.send('a', 'hello')
    await until('it was asked again', () => asked.length >= 3)
    expect(asked.filter(({ time }) => Math.abs(time - Date.now()) < 60_000)).toHaveLength(1)
    expect(new Set(asked.map(({ sender }) => sender)).size).toBe(1)
    // The head of an exchange has a number, too.
    const numbers = asked.map(({ number }) => number)
    expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b))
  })

  it('does not adjust the clock offset if it is an unsigned 401', async () => {
    const asked = await peer(() => ({ status: 401, body: '', signature: `t=1, m=${'A'.repeat(43)}` }))
    const pod = await start()
    await until('it was asked again', () => asked.length >= 3)
    for (const { time } of asked) expect(Math.abs(time - Date.now())).toBeLessThan(10_000)
    expect(epochAt(pod)).toBeUndefined()
  })
})
