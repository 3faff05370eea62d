import { createServer, type Server } from 'node:http'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { SserError } from '../../src/index.ts'
import { encodeAppend } from '../../src/wire/append-message.ts'
import { until } from '../support/until.ts'
import { SecuredFleet, type SecuredPod } from './fleet.ts'

const V1 = '/api/json/v1/send'
const V2 = '/api/json/v2/append'
const peerSecret = 'correct horse battery staple'

const fleet = new SecuredFleet('127.0.61')
afterEach(async () => {
  vi.restoreAllMocks()
  await fleet.stop()
})

/** A v2 append of one event, as an unknown Pod would send it. */
function forged(stream: string, msg: string, epoch = 'EVIL0'): string {
  const events = [{ seq: 1, age: 0, stream, msg }]
  return encodeAppend({ epoch, position: new Map([[epoch, 1]]), runs: [{ epoch, prev: 0, idle: 0, events }] })
}

function post(pod: SecuredPod, path: string, body: string, more: Record<string, string> = {}) {
  const headers = { 'content-type': 'application/json', ...more }
  return fetch(`${pod.internal}${path}`, { method: 'POST', body, headers })
}

const states = (pod: SecuredPod) => pod.sser.peers.map(({ state }) => state)
const rejections = ({ errors }: SecuredPod) =>
  errors.flatMap(({ error }) => (error instanceof SserError ? [error.code] : []))

/** Listens until the test is over. */
async function listening(server: Server, port: number, hostname: string): Promise<void> {
  await new Promise<void>((resolve) => server.listen(port, hostname, resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
}

/** Requests that a Pod makes of others, kept; the Pod is none the wiser. */
function recording() {
  const seen: { url: string; init: RequestInit }[] = []
  const recorder = (url: string, init: RequestInit) => {
    seen.push({
      url,
      init: { method: 'POST', body: init.body as string, headers: init.headers as HeadersInit },
    })
    return fetch(url, init)
  }
  return { seen, fetch: recorder }
}

describe('Pods that share a secret', () => {
  it('deliver each event to the clients of all Pods', async () => {
    const [one] = await fleet.start({ peerSecret }, { peerSecret }, { peerSecret })
    const clients = await Promise.all([0, 1, 2].map((index) => fleet.listen(index, 'a')))
    const { peers } = await (one as SecuredPod).sser.send('a', 'hello')
    expect(peers.map(({ status }) => status)).toEqual(['delivered', 'delivered'])
    await until('all have it', () => clients.every(({ messages }) => messages.length === 1))
  })

  it('exchange events though their clocks were an hour ahead or behind at start', async () => {
    const { now } = Date
    const hours = [0, 1, -1]
    vi.spyOn(Date, 'now').mockImplementation(() => now() + 3_600_000 * (hours.shift() ?? 0))
    // A first fetch of the log that a busy machine cuts short is an error, too.
    const settings = { peerSecret, initialSyncTimeoutMs: 60_000 }
    const pods = await fleet.start(settings, settings, settings)
    for (const { sser, errors } of pods) {
      const { peers } = await sser.send('a', 'hello')
      expect(peers.map(({ status }) => status)).toEqual(['delivered', 'delivered'])
      expect(errors).toEqual([])
    }
  })

  it('lose nothing while the secret changes, one Pod at a time', async () => {
    const [old, next] = ['the old secret, long enough', 'the new secret, long enough']
    await fleet.start(...[0, 1, 2].map(() => ({ peerSecret: old })))
    const client = await fleet.listen(0, 'a')
    const sent: string[] = []
    for (const secrets of [[old, next], [next, old], [next]]) {
      for (const index of [1, 2]) {
        await (fleet.pods[index] as SecuredPod).served.stop()
        const { sser } = await fleet.run(index, { peerSecret: secrets })
        sent.push(`${sent.length}`)
        const { peers } = await sser.send('a', sent.at(-1) as string)
        expect(peers).toHaveLength(2)
      }
      if (secrets.length === 1) continue
      // The Pod of the client changes its secrets last, on the same port, where its client resumes.
      await fleet.pods[0]?.served.stop()
      await fleet.run(0, {
        peerSecret: secrets,
        serving: { port: Number(new URL(fleet.pods[0]?.url ?? '').port) },
      })
    }
    await until('the client has all', () => client.messages.length >= sent.length)
    expect(client.messages.toSorted()).toEqual(sent)
    expect(client.gaps).toEqual([])
  })
})

describe('an unauthenticated peer', () => {
  it('changes nothing that a client sees, by any route and method of the internal port', async () => {
    const [pod] = (await fleet.start({ peerSecret }, { peerSecret })) as [SecuredPod]
    const client = await fleet.listen(0, 'a')
    const paths = new Set(
      [...pod.sser.internalRoutes.routes, ...pod.sser.opsRoutes.routes].map(({ path }) => path),
    )
    expect(paths).toContain(V2)
    const bodies = [
      forged('a', 'forged'),
      JSON.stringify({ stream: 'a', msg: 'forged' }),
      '{"disconnect":{}}',
      '',
    ]
    const statuses = new Set<string>()
    for (const path of [...paths, '/', '/events', '/send', '/api/json/v3/append']) {
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
        for (const body of bodies) {
          const init = method === 'GET' || method === 'HEAD' ? {} : { body }
          for (const signature of [
            undefined,
            '',
            'x',
            `t=${Date.now()}, s=0123456789abcdef, n=1, m=${'A'.repeat(43)}`,
          ]) {
            const headers = signature === undefined ? {} : { 'sser-signature': signature }
            const { status } = await fetch(`${pod.internal}${path}?stream=a`, { method, headers, ...init })
            if (method === 'POST') statuses.add(`${path} ${status}`)
          }
        }
      }
    }
    expect([...statuses].filter((each) => each.startsWith('/api/json/v')).toSorted()).toEqual([
      `${V1} 401`,
      `${V2} 401`,
      '/api/json/v2/exchange 401',
      '/api/json/v2/runs 401',
      '/api/json/v3/append 404',
    ])
    expect(pod.sser.connections).toBe(1)
    await pod.sser.send('a', 'the end')
    await until('the end', () => client.messages.length > 0)
    expect(client.messages).toEqual(['the end'])
    expect(client.gaps).toEqual([])
    expect(pod.sser.position).not.toContain('EVIL0')
    expect(pod.sser.stats().events.received).toBe(0)
    expect(rejections(pod)).toContain('unauthorized')
  })

  it('cannot replay or alter a request, nor send it to another or restarted Pod', async () => {
    const { seen, fetch: record } = recording()
    const uids = ['uid-1', 'uid-2']
    const [one] = (await fleet.start({ peerSecret, peerFetch: record }, { peerSecret })) as [SecuredPod]
    await one.sser.send('a', 'once')
    const kept = seen.findLast(({ init }) => String(init.body).includes('once'))
    expect(kept).toBeDefined()
    const { url, init } = kept as (typeof seen)[number]
    const again = (change: RequestInit = {}) => fetch(url, { ...init, ...change })
    expect([(await again()).status, await (await again()).text()]).toEqual([
      401,
      'a request with this number was received before\n',
    ])
    const before = 'a request with this number was received before\n'
    expect(await (await again({ body: String(init.body).replace('once', 'more') })).text()).toBe(before)
    const headers = init.headers as Record<string, string>
    const next = (headers['sser-signature'] as string).replace(/n=\d+/, 'n=999')
    const wrong = 'the signature is wrong; do all Pods have the same peerSecret?\n'
    for (const change of [
      { 'sser-signature': next },
      { 'sser-signature': next, 'sser-target': uids[0] as string },
    ])
      expect(await (await again({ headers: { ...headers, ...change } })).text()).toBe(wrong)
    await (fleet.pods[1] as SecuredPod).served.stop()
    await fleet.run(1, { peerSecret })
    const late = await again()
    expect([late.status, await late.text()]).toEqual([401, ''])
    expect((await again()).headers.get('sser-signature')).toMatch(/^t=\d+, m=/)
  })

  it('rejects an answer from the address of a peer without the secret', async () => {
    const [pod] = (await fleet.start({ peerSecret, initialSyncTimeoutMs: 0 }, { peerSecret })) as [SecuredPod]
    const client = await fleet.listen(0, 'a')
    await (fleet.pods[1] as SecuredPod).served.stop()
    const { hostname, port } = new URL((fleet.pods[1] as SecuredPod).internal)
    let asked = 0
    const impostor = createServer((_request, response) => {
      asked += 1
      const signature = `t=${Date.now()}, m=${'A'.repeat(43)}`
      response.writeHead(200, asked % 2 ? {} : { 'sser-signature': signature }).end(forged('a', 'forged'))
    })
    await listening(impostor, Number(port), hostname)
    await pod.sser.send('a', 'true')
    await until('it was asked both ways', () => asked >= 3)
    const { peers } = await pod.sser.send('a', 'true')
    expect(peers).toMatchObject([
      { status: 'failed', reason: 'its answer is not signed with this peerSecret' },
    ])
    await until('the client has it', () => client.messages.length > 1)
    expect(client.messages).toEqual(['true', 'true'])
  })

  it('is reported on both Pods if it has another secret', async () => {
    const pods = await fleet.start({ peerSecret }, { peerSecret: 'some other secret, as long' })
    for (const pod of pods) {
      expect(states(pod)).toContain('failing')
      expect(pod.sser.peers.map(({ lastError }) => lastError)).toContain(
        'refuses our signature: is its peerSecret ours?',
      )
    }
  })

  it('tells a Pod without a secret that its peer wants a signature', async () => {
    const [, unsigned] = (await fleet.start({ peerSecret }, {})) as [SecuredPod, SecuredPod]
    const errors = () => unsigned.sser.peers.map(({ lastError }) => lastError)
    await until('it is told why', () => errors().includes('wants a signature; this Pod has no peerSecret'))
  })
})

describe('an unsigned v1 request', () => {
  it('is rejected with a secret, unless Go peers are allowed', async () => {
    const [strict, lenient] = (await fleet.start({ peerSecret }, { peerSecret, allowGoPeers: true })) as [
      SecuredPod,
      SecuredPod,
    ]
    const clients = await Promise.all([0, 1].map((index) => fleet.listen(index, 'a')))
    const event = JSON.stringify({ stream: 'a', msg: 'from Go' })
    expect((await post(strict, V1, event)).status).toBe(401)
    expect((await post(lenient, V1, event)).status).toBe(200)
    await strict.sser.send('a', 'the end')
    await until('both have the end', () => clients.every(({ messages }) => messages.at(-1) === 'the end'))
    expect(clients.map(({ messages }) => messages)).toEqual([['the end'], ['from Go', 'the end']])
  })

  it('is never sent to a peer that claims to know v1 only', async () => {
    const posted: string[] = []
    const go = createServer((request, response) => {
      posted.push(request.url ?? '')
      response.writeHead(request.url === V1 ? 200 : 404).end()
    })
    await listening(go, 7_310, '127.0.61.2')
    const [{ sser }] = (await fleet.start({ peerSecret, others: ['127.0.61.2:7310'] })) as [SecuredPod]
    const { peers } = await sser.send('a', 'secret')
    expect(peers[0]?.status).toBe('failed')
    expect(new Set(posted)).toEqual(new Set([V2]))
  })
})

describe('a rollout that adds the secret', () => {
  it('loses nothing while the Pods accept unsigned requests', async () => {
    const lenient = { peerSecret, allowUnsignedPeers: true }
    await fleet.start({}, {}, {})
    const sent: string[] = []
    for (const settings of [lenient, { peerSecret }]) {
      for (const index of [0, 1, 2]) {
        await (fleet.pods[index] as SecuredPod).served.stop()
        const { sser } = await fleet.run(index, settings)
        sent.push(`${sent.length}`)
        const { peers } = await sser.send('a', sent.at(-1) as string)
        expect(peers.map(({ status }) => status)).toEqual(['delivered', 'delivered'])
      }
    }
  })
})
