import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TcpServer } from '../fleet/proxy.ts'
import { RawClient } from '../support/stream-client.ts'
import { until } from '../support/until.ts'
import { Target } from './target.ts'

const V2 = '/api/json/v2/append'
const PORT = 7110
/** Time limit for one body; reading it takes nearly all of it. */
const MAX_MS = 1_000
const HIGHEST = 2 ** 53 - 1
/** Kinds of peers that are no Pods, by the last number of their address. */
const IMPOSTORS = [11, 12, 13, 14, 15, 16]
const head = (more: string) => `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n${more}\r\n\r\n`

describe.each([
  ['node', '127.0.136'],
  ['bun', '127.0.137'],
] as const)('under %s', (runtime, net) => {
  const servers: TcpServer[] = []
  let redirected: TcpServer
  beforeAll(async () => {
    const [garbage, endless, redirect, never, hangUp, lies] = IMPOSTORS.map(
      (last) => `${net}.${last}`,
    ) as string[]
    redirected = await impostor(`${net}.17`, () => head('Content-Length: 0'))
    await impostor(garbage, () => 'no HTTP at all\0\r\n\r\n'.repeat(100))
    await impostor(
      endless,
      () => head('Transfer-Encoding: chunked') + `10000\r\n${'x'.repeat(65_536)}\r\n`.repeat(200),
    )
    await impostor(
      redirect,
      () => `HTTP/1.1 307 X\r\nLocation: http://${net}.17:7110/\r\nContent-Length: 0\r\n\r\n`,
    )
    await impostor(never, () => '')
    await impostor(hangUp, () => undefined)
    const lie = `{"v":2,"epoch":"liar0","position":{"liar0":${HIGHEST}},"runs":[],"ready":true}`
    await impostor(lies, () => head(`Content-Length: ${lie.length}`) + lie)
  })
  afterAll(async () => {
    for (const server of servers) await server.cut()
  })

  /** A peer that gives the same answer to every request; without an answer, it closes the connection. */
  async function impostor(address: string | undefined, say: () => string | undefined): Promise<TcpServer> {
    const server = await TcpServer.listen(address ?? '', PORT, (socket) => {
      socket.on('data', () => {
        const said = say()
        if (said === undefined) socket.resetAndDestroy()
        else socket.write(said)
      })
    })
    servers.push(server)
    return server
  }

  const target = Target.forAll(runtime, `${net}.1`, {
    peers: IMPOSTORS.map((last) => `${net}.${last}:${PORT}`),
    // Invented Pods are believed, up to a limit, and forgotten minutes later.
    mostGrownBytes: 67_108_864,
    settings: { requestTimeoutMs: 600, initialSyncTimeoutMs: 200 },
  })

  const run = (epoch: string, prev: number, fields: object = {}, events: object[] = []) => ({
    epoch,
    prev,
    idle: 0,
    events,
    ...fields,
  })
  const append = (...runs: object[]) =>
    target.post(V2, JSON.stringify({ v: 2, epoch: 'liar1', position: { liar1: HIGHEST }, runs }))

  /** How long an accepted body blocks the Pod: the answer follows when its events are on their way to clients. */
  const msOf = (...runs: object[]) => target.busyMs(async () => expect(await append(...runs)).toBe(200))

  test('survives peers that answer garbage, endlessly, by redirects, lies, or never', async () => {
    await target.endures(async () => {
      const states = async () =>
        (await target.state()).peers.filter(({ peer }) => !peer.startsWith(`${net}.1:`))
      await until('each was tried', async () => (await states()).every(({ state }) => state !== 'connecting'))
      await until(
        'most fail',
        async () => (await states()).filter(({ state }) => state === 'failing').length >= 5,
      )
      const isCutOff = async () =>
        (await states()).some(({ lastError }) => lastError?.includes('has at most') === true)
      await until('the one without end is cut off', isCutOff)
      expect((await target.send({ stream: 'a' }, 'x')).status).toBe(202)
      expect(redirected.accepted).toBe(0)
    })
  })

  test('survives seqs of a peer that jump, conflict and reach the maximum', async () => {
    await target.endures(
      async () => {
        const event = (seq: number, msg: string) => ({ seq, age: 0, stream: target.stream, msg })
        expect(await append(run('liar1', HIGHEST - 1, { floor: true }, [{ seq: HIGHEST, age: 0 }]))).toBe(200)
        expect(await append(run('liar1', HIGHEST, {}, [{ seq: HIGHEST + 1, age: 0 }]))).toBe(400)
        expect(await append(run('liar2', HIGHEST + 1, { floor: true }))).toBe(400)
        expect(await append(run('liar3', 5, {}, [{ seq: 6, age: 0 }]))).toBe(200)
        expect(await append(run('liar1', 0, {}, [event(1, 'from the past')]))).toBe(200)
        expect(await append(run('liar4', 0, { idle: 1e300 }, [event(1, 'from the dead')]))).toBe(200)
        const { position } = await target.state()
        expect(position).toMatch(/liar12gosa7pa2gv/)
        expect(position).not.toMatch(/liar[234]/)
      },
      { gaps: 1 },
    )
  })

  test('ignores a peer that speaks in the name of the Pod itself', async () => {
    await target.endures(async () => {
      const own = /(?:^|\.)(?!liar)([0-9A-Za-z]{5})/.exec((await target.state()).position)?.[1] ?? ''
      const event = { seq: HIGHEST, age: 0, stream: target.stream, msg: 'forged' }
      expect(await append(run(own, HIGHEST - 1, { floor: true }, [event]))).toBe(200)
      const message = {
        v: 2,
        epoch: own,
        position: {},
        runs: [run(own, HIGHEST - 1, { floor: true }, [event])],
      }
      expect(await target.post(V2, JSON.stringify(message))).toBe(200)
      expect((await target.state()).position).not.toContain(`${own}2gosa7pa2gv`)
    })
  })

  test('sends once 30,000 events of a peer that share one idempotency key', async () => {
    await target.endures(async () => {
      const listener = await RawClient.events(target.url, ['a'])
      await listener.holds('its greeting', (text) => text.includes('sser-position'))
      const twins = Array.from({ length: 30_000 }, (_, i) => ({
        seq: i + 1,
        age: 0,
        stream: 'a',
        msg: 'x',
        key: 'k',
      }))
      expect(await msOf(run('liar5', 0, {}, twins))).toBeLessThan(MAX_MS)
      await listener.holds('the event', (text) => text.includes('data: x'))
      listener.socket.destroy()
    })
  })

  test('stays bounded when a peer speaks for 60,000 invented Pods', async () => {
    await target.endures(async () => {
      for (let first = 0; first < 60_000; first += 10_000) {
        const names = Array.from({ length: 10_000 }, (_, i) => `${10_000 + first + i}`)
        expect(await append(...names.map((name) => run(name, 0, {}, [{ seq: 1, age: 0 }])))).toBe(200)
      }
      for (let name = 10_000; name < 10_300; name += 1)
        expect(
          await target.post(V2, JSON.stringify({ v: 2, epoch: `${name}`, position: {}, runs: [] })),
        ).toBe(200)
      expect((await target.state()).position.length).toBeLessThan(16_384)
    })
  })

  test('stays bounded when a peer invents 2,000 Pods and then hole after hole', async () => {
    await target.endures(
      async () => {
        const names = Array.from({ length: 2_000 }, (_, i) => `${10_000 + i}`)
        expect(await append(...names.map((name) => run(name, 0, {}, [{ seq: 1, age: 0 }])))).toBe(200)
        const holes = Array.from({ length: 15_000 }, (_, i) => run('10000', 10 ** 12 + i, { floor: true }))
        expect(await msOf(...holes)).toBeLessThan(MAX_MS)
      },
      { gaps: 1 },
    )
  })
})
