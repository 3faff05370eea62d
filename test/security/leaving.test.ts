import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, describe, expect, it } from 'vitest'
import type { Decision } from '../../src/index.ts'
import { CountingClock } from '../support/counting-clock.ts'
import { RawClient } from '../support/stream-client.ts'
import { until } from '../support/until.ts'
import { type PodSettings, raws, SecuredFleet, type SecuredPod } from './fleet.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const fleet = new SecuredFleet('127.0.73')
afterEach(async () => {
  leave()
  await fleet.stop()
})

function leave() {
  for (const { socket } of raws.splice(0)) socket.destroy()
}

async function one(settings: PodSettings): Promise<SecuredPod> {
  const [pod] = (await fleet.start({ logMaxAgeMs: 1_000_000, ...settings })) as [SecuredPod]
  return pod
}

/** Requests of `count` clients; `forwarded`: the `X-Forwarded-For` of each. */
async function ask(pod: SecuredPod, count: number, forwarded: (i: number) => string = () => '1.1.1.1') {
  for (let i = 0; i < count; i += 1) {
    const raw = await RawClient.open(pod.url)
    raws.push(raw)
    raw.socket.write(`GET /events?stream=a HTTP/1.1\r\nhost: x\r\nx-forwarded-for: ${forwarded(i)}\r\n\r\n`)
  }
}

describe.each([
  ['the fast path', true],
  ['the usual way', false],
])('by %s', (_, fastPath) => {
  it('connections that close leave no timer and no tag behind', async () => {
    const clock = new CountingClock()
    const authorize = (): Decision => ({ tags: ['ann'], expiresAt: Date.now() + 3_600_000 })
    const pod = await one({
      clock,
      authorize,
      maxConnectionsPerAddress: 100,
      maxConnectionAgeMs: 3_600_000,
      serving: { fastPath },
    })
    const { timers } = clock
    for (let round = 0; round < 3; round += 1) {
      await ask(pod, 20)
      await until('all are there', () => pod.sser.connections === 20)
      leave()
      await until('none is there', () => pod.sser.connections === 0)
      expect(clock.timers).toBe(timers)
    }
    expect((await pod.sser.disconnect({ tag: 'ann' })).connections).toBe(0)
  })

  it('requests that close during authorize, or that it never answers, leave nothing behind', async () => {
    const clock = new CountingClock()
    const gates: PromiseWithResolvers<Decision>[] = []
    let aborted = 0
    const pod = await one({
      clock,
      authorize: (c) => {
        c.req.raw.signal.addEventListener('abort', () => {
          aborted += 1
        })
        const gate = Promise.withResolvers<Decision>()
        gates.push(gate)
        return gate.promise
      },
      authorizeTimeoutMs: 1_000,
      maxConnectionsPerAddress: 100,
      serving: { fastPath },
    })
    const { timers } = clock
    await ask(pod, 20)
    await until('all are being judged', () => gates.length === 20)
    leave()
    await until('the hook hears of it', () => aborted === 20)
    for (const gate of gates.slice(0, 10)) gate.resolve('allow')
    await until('no timer is left', () => clock.timers === timers)
    expect(pod.sser.stats().connections).toEqual({ open: 0, opened: 0, closed: 0 })
    expect(pod.errors).toHaveLength(10)
  })

  it('closed connections no longer count for their address', async () => {
    const pod = await one({ maxConnectionsPerAddress: 1, trustedProxyHops: 1, serving: { fastPath } })
    const heap = () => {
      collect()
      return process.memoryUsage().heapUsed
    }
    const round = async (name: string) => {
      await ask(pod, 100, (i) => `${name}${i}`.padEnd(15_000, 'x'))
      await until('all are there', () => pod.sser.connections === 100)
      leave()
      await until('none is there', () => pod.sser.connections === 0)
    }
    await round('warm')
    const before = heap()
    for (const name of ['b', 'c', 'd', 'e']) await round(name)
    // The names of 400 addresses are 6 MB.
    await until('they are let go of', () => heap() - before < 3_000_000)
  })
})
