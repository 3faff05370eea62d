import { afterEach, describe, expect, it } from 'vitest'
import { VirtualClock } from '../support/clock.ts'
import { RawClient } from '../support/stream-client.ts'
import { until, within } from '../support/until.ts'
import { listen, raws, SecuredFleet, type SecuredPod } from './fleet.ts'

const fleet = new SecuredFleet('127.0.67')
afterEach(() => fleet.stop())

async function ask(pod: SecuredPod, query = '?stream=a', headers: Record<string, string> = {}) {
  const response = await fetch(`${pod.url}/events${query}`, { headers })
  const code = response.headers.get('sser-error')
  const after = Number(response.headers.get('retry-after'))
  if (code === null) await response.body?.cancel()
  return { status: response.status, code, after, text: code === null ? '' : await response.text() }
}

describe('connections', () => {
  it('get 429 and a spread Retry-After above the Pod’s limit, until one closes', async () => {
    const pod = await fleet.one({ maxConnections: 3 })
    const clients = await Promise.all([1, 2, 3].map(() => listen(pod, 'a')))
    const answers = await Promise.all(Array.from({ length: 40 }, () => ask(pod)))
    for (const { status, code, after, text } of answers) {
      expect([status, code, text]).toEqual([429, 'too-many-connections', 'This Pod takes 3 connections\n'])
      expect(after).toBeGreaterThanOrEqual(5)
      expect(after).toBeLessThanOrEqual(10)
    }
    expect(new Set(answers.map(({ after }) => after)).size).toBeGreaterThan(1)
    expect(pod.sser.stats().rejected['too-many-connections']).toBe(40)
    clients[0]?.socket.destroy()
    await until('there is room', async () => (await ask(pod)).status === 200)
  })

  it('stay within the limit when they arrive at once and authorize is slow', async () => {
    const gate = Promise.withResolvers<'allow'>()
    let asked = 0
    const authorize = () => {
      asked += 1
      return gate.promise
    }
    const pod = await fleet.one({ maxConnections: 5, authorize })
    const all = await Promise.all(Array.from({ length: 50 }, () => RawClient.events(pod.url, ['a'])))
    raws.push(...all)
    const refused = () => all.filter(({ text }) => text.includes(' 429 ')).length
    await until('all but five are refused', () => refused() === 45)
    expect(asked).toBe(5)
    gate.resolve('allow')
    await until('five are left', () => all.filter(({ text }) => text.includes('sser-position')).length === 5)
    expect(pod.sser.connections).toBe(5)
    all.find(({ text }) => text.includes('sser-position'))?.socket.destroy()
    await until('there is room', async () => (await ask(pod)).status === 200)
  })

  it('cause no more authorize calls than there is room, from one pipelining socket', async () => {
    let asked = 0
    const authorize = async (): Promise<'deny'> => {
      asked += 1
      return new Promise(() => {})
    }
    const pod = await fleet.one({ maxConnections: 5, authorize, authorizeTimeoutMs: 500 })
    const raw = await RawClient.open(pod.url)
    raws.push(raw)
    raw.socket.write('GET /events?stream=a HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(60))
    await until('it was told', () => (pod.sser.stats().rejected['too-many-connections'] ?? 0) === 55)
    expect(asked).toBe(5)
    await until('no authorize call is pending', () => pod.errors.length === 5)
    const late = ask(pod)
    await until('there is room to ask', () => asked === 6)
    expect((await late).status).toBe(200)
  })

  it.each([
    ['from one address', 'the fast path', true, { maxConnectionsPerAddress: 2 }],
    ['from one address', 'the usual way', false, { maxConnectionsPerAddress: 2 }],
    ['to streams', 'the fast path', true, { maxStreams: 2 }],
    ['to streams', 'the usual way', false, { maxStreams: 2 }],
  ])('stay within the limit if opened at once %s, by %s', async (_, _way, fastPath, limit) => {
    for (const isJudged of [false, true]) {
      let asked = 0
      const gate = Promise.withResolvers<'allow'>()
      const authorize = () => {
        asked += 1
        return gate.promise
      }
      const pod = await fleet.one({ ...limit, ...(isJudged && { authorize }), serving: { fastPath } })
      const all = await Promise.all(Array.from({ length: 40 }, () => RawClient.open(pod.url)))
      raws.push(...all)
      const request = (path: string) => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`
      // Once the Pod has accepted all, their next bytes arrive in one turn of its event loop.
      for (const { socket } of all) socket.write(request('/nothing'))
      await Promise.all(all.map((raw) => raw.holds('an answer', (text) => text.includes(' 404 '))))
      for (const [i, { socket }] of all.entries()) socket.write(request(`/events?stream=${i}`))
      const mayAsk = 'maxConnectionsPerAddress' in limit ? 2 : 40
      if (isJudged) await until('as many as may be are being judged', () => asked === mayAsk)
      gate.resolve('allow')
      await until('all but two are refused', () => Object.values(pod.sser.stats().rejected)[0] === 38)
      await until('two are there', () => pod.sser.connections === 2)
      expect(pod.sser.stats().connections).toMatchObject({ open: 2, opened: 2 })
      if (isJudged) expect(asked).toBe(mayAsk)
      await fleet.stop()
    }
  })

  it('get 429 above the limit of their address; another address does not', async () => {
    const pod = await fleet.one({ maxConnectionsPerAddress: 2 })
    const clients = await Promise.all([1, 2].map(() => listen(pod, 'a')))
    expect(await ask(pod)).toMatchObject({ status: 429, code: 'too-many-connections-from-address' })
    const other = await RawClient.events(pod.url, ['a'], '1.1', '127.0.67.200')
    raws.push(other)
    await other.holds('a greeting', (text) => text.includes('sser-position'))
    clients[0]?.socket.destroy()
    await until('there is room', async () => (await ask(pod)).status === 200)
  })

  it('count for the client that the proxy names, and no client can name another', async () => {
    const pod = await fleet.one({ maxConnectionsPerAddress: 1, trustedProxyHops: 1 })
    const via = (forwarded: string) => ask(pod, '?stream=a', { 'x-forwarded-for': forwarded })
    const held = await fetch(`${pod.url}/events?stream=a`, {
      headers: { 'x-forwarded-for': '9.9.9.9, 10.1.1.1' },
    })
    expect((await via('8.8.8.8, 10.1.1.1')).status).toBe(429)
    expect((await via('10.1.1.1, 10.2.2.2')).status).toBe(200)
    const network = await fetch(`${pod.url}/events?stream=a`, {
      headers: { 'x-forwarded-for': '2001:db8:0:1::1' },
    })
    expect((await via('2001:db8::1:ffff:ffff:ffff:ffff')).status).toBe(429)
    expect((await via('2001:db8:0:2::1')).status).toBe(200)
    await Promise.all([held.body?.cancel(), network.body?.cancel()])
  })

  it('count for the address of the socket if no proxy is trusted', async () => {
    const pod = await fleet.one({ maxConnectionsPerAddress: 1 })
    await listen(pod, 'a')
    expect((await ask(pod, '?stream=a', { 'x-forwarded-for': '9.9.9.9' })).status).toBe(429)
  })

  it('cause no authorize call if there is no room', async () => {
    let asked = 0
    const authorize = () => {
      asked += 1
      return 'allow' as const
    }
    const pod = await fleet.one({ maxConnections: 1, authorize })
    await listen(pod, 'a')
    for (let i = 0; i < 10; i += 1) expect((await ask(pod)).status).toBe(429)
    expect(asked).toBe(1)
  })

  it.each([
    ['their age', 400, 3_600_000],
    ['the hook', 3_600_000, 400],
  ])('end at the earliest of their limits, here by %s', async (_, maxConnectionAgeMs, ms) => {
    const pod = await fleet.one({ maxConnectionAgeMs, authorize: () => ({ expiresAt: Date.now() + ms }) })
    const raw = await listen(pod, 'a')
    await within('it ends', raw.closed)
  })

  it.each([
    ['a port', '9.9.9.9:1234', '9.9.9.9:1235'],
    ['a port or none', '9.9.9.9', '9.9.9.9:1'],
    ['brackets', '[2001:db8::1]:1234', '[2001:DB8:0::2]'],
    ['brackets or none', '[2001:db8::1]', '2001:db8:0:0:1:2:3:4'],
    ['IPv4 in IPv6', '::ffff:9.9.9.9', '9.9.9.9'],
    ['IPv4 in IPv6, in hexadecimal', '::FFFF:0909:909', '9.9.9.9:80'],
    ['a zone', 'fe80::1%eth0', 'fe80::2%eth1'],
  ])('count together for one client that is named with %s', async (_, first, second) => {
    const pod = await fleet.one({ maxConnectionsPerAddress: 1, trustedProxyHops: 1 })
    const via = (address: string) =>
      fetch(`${pod.url}/events?stream=a`, { headers: { 'x-forwarded-for': `8.8.8.8, ${address}` } })
    const held = await via(first)
    expect((await via(second)).status).toBe(429)
    const other = await via('::ffff:9.9.9.8')
    expect(other.status).toBe(200)
    await Promise.all([held.body?.cancel(), other.body?.cancel()])
  })

  it('end after their age, or up to a quarter sooner, and not all at once', async () => {
    const clock = new VirtualClock()
    const pod = await fleet.one({ clock, maxConnectionAgeMs: 2_400 })
    const listening = await Promise.all(Array.from({ length: 30 }, () => listen(pod, 'a')))
    const ages: number[] = []
    const start = clock.now()
    while (pod.sser.connections > 0) {
      await clock.advance(20)
      while (ages.length < 30 - pod.sser.connections) ages.push(clock.now() - start)
    }
    await Promise.all(listening.map(({ closed }) => closed))
    expect(Math.min(...ages)).toBeGreaterThanOrEqual(1_800)
    // Without chance none would end before, and all of them together.
    expect(Math.min(...ages)).toBeLessThan(2_400)
    expect(Math.max(...ages)).toBeLessThanOrEqual(2_500)
    expect(Math.max(...ages) - Math.min(...ages)).toBeGreaterThan(100)
  })

  it('resume without loss after they end for their age', async () => {
    const pod = await fleet.one({ maxConnectionAgeMs: 400, retryMs: 50 })
    const client = await fleet.listen(0, 'a')
    let sent = 0
    for (; pod.sser.stats().connections.opened < 4; sent += 1) {
      await pod.sser.send('a', `${sent}`)
      await until('it has it', () => client.messages.length === sent + 1)
    }
    expect(client.messages).toEqual(Array.from({ length: sent }, (_, n) => `${n}`))
    expect(client.gaps).toEqual([])
  })
})

describe('streams', () => {
  it('are rejected with 429 above maxStreams; streams in use are not', async () => {
    const pod = await fleet.one({ maxStreams: 3 })
    await listen(pod, 'a', 'b')
    expect(await ask(pod, '?stream=c&stream=d')).toMatchObject({ status: 429, code: 'too-many-streams' })
    expect((await ask(pod, '?stream=a&stream=b&stream=c')).status).toBe(200)
  })
})
