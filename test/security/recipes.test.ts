import { sign } from 'hono/jwt'
import { afterEach, describe, expect, it } from 'vitest'
import { jwtCookie } from '../../examples/authorize/jwt-cookie.ts'
import { jwtQuery } from '../../examples/authorize/jwt-query.ts'
import { sessionStore } from '../../examples/authorize/session-store.ts'
import { signedLinks } from '../../examples/authorize/signed-link.ts'
import type { Authorize } from '../../src/index.ts'
import { until } from '../support/until.ts'
import { SecuredFleet, type SecuredPod } from './fleet.ts'

const fleet = new SecuredFleet('127.0.68')
afterEach(() => fleet.stop())

const secret = 'a secret of the app'
const inAMinute = () => Math.floor(Date.now() / 1_000) + 60

/** Asks a Pod, and returns the statuses. */
async function asking(authorize: Authorize) {
  const [pod] = (await fleet.start({ authorize })) as [SecuredPod]
  const ask = async (query: string, cookie = '') => {
    const response = await fetch(`${pod.url}/events?${query}`, { headers: { cookie } })
    void response.body?.cancel()
    return response.status
  }
  return { pod, ask }
}

describe('a JWT in a cookie', () => {
  it('opens its user’s streams until it expires; forged, foreign and missing ones do not', async () => {
    const { ask } = await asking(jwtCookie(secret))
    const session = async (claims: object, key = secret) =>
      `session=${await sign({ sub: 'ann', ...claims }, key)}`
    const own = await session({ exp: inAMinute() })
    expect(await ask('stream=user:ann&stream=news', own)).toBe(200)
    expect(await ask('stream=user:bob', own)).toBe(403)
    expect(await ask('stream=user:ann')).toBe(403)
    expect(await ask('stream=user:ann', await session({ exp: inAMinute() }, 'another'))).toBe(403)
    expect(await ask('stream=user:ann', await session({ exp: inAMinute() - 120 }))).toBe(403)
    expect(await ask('stream=user:ann', await session({}))).toBe(403)
    const [head, body] = own.slice('session='.length).split('.')
    const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')
    expect(await ask('stream=user:ann', `session=${none}.${body}.`)).toBe(403)
    expect(await ask('stream=user:ann', `session=${head}.${body}.`)).toBe(403)
  })
})

describe('a JWT in the query', () => {
  it('opens its own streams and no others', async () => {
    const { ask } = await asking(jwtQuery(secret))
    const token = (claims: object) =>
      sign({ sub: 'ann', aud: 'events', exp: inAMinute(), streams: ['a'], ...claims }, secret)
    expect(await ask(`stream=a&token=${await token({})}`)).toBe(200)
    expect(await ask(`stream=a&stream=b&token=${await token({})}`)).toBe(403)
    expect(await ask(`stream=a&token=${await token({ aud: 'api' })}`)).toBe(403)
    expect(await ask(`stream=a&token=${await token({ exp: inAMinute() - 120 })}`)).toBe(403)
    expect(await ask('stream=a')).toBe(403)
  })
})

describe('a signed link', () => {
  it('opens its streams until it expires, and then tells clients to stop', async () => {
    const { link, authorize } = signedLinks(secret)
    const { ask, pod } = await asking(authorize)
    const good = link(['parcel:17'], 60_000)
    expect(await ask(good)).toBe(200)
    expect(await ask(good.replace('17', '18'))).toBe(403)
    expect(await ask(`${good}&stream=parcel:18`)).toBe(403)
    expect(await ask(good.replace(/expires=\d+/, `expires=${Date.now() + 600_000}`))).toBe(403)
    expect(await ask('stream=parcel:17')).toBe(403)
    expect(await ask(link(['parcel:17'], -1))).toBe(204)
    const response = await fetch(`${pod.url}/events?${link(['parcel:17'], 400)}`)
    expect(response.status).toBe(200)
    expect(await response.text()).toContain('sser-position')
  })
})

describe('a session in a store', () => {
  it('decides until it is deleted; while the store is down clients are told to retry', async () => {
    const rows = new Map([
      ['s1', { user: 'ann', expiresAt: Date.now() + 60_000, isBanned: false }],
      ['s2', { user: 'bob', expiresAt: Date.now() + 60_000, isBanned: true }],
    ])
    let isAway = false
    const find = async (id: string) => {
      if (isAway) throw new Error('the store is away')
      return rows.get(id)
    }
    const { ask, pod } = await asking(sessionStore({ find }))
    expect(await ask('stream=user:ann', 'sid=s2')).toBe(204)
    expect(await ask('stream=user:ann', 'sid=s3')).toBe(403)
    const listening = await fetch(`${pod.url}/events?stream=user:ann`, { headers: { cookie: 'sid=s1' } })
    await until('it listens', () => pod.sser.connections === 1)
    isAway = true
    const away = await fetch(`${pod.url}/events?stream=user:ann`, { headers: { cookie: 'sid=s1' } })
    const retry = 'event: sser-retry\nretry: 2000\ndata: {"reason":"authorization-failed"}\n\n'
    expect([away.status, await away.text()]).toEqual([200, retry])
    isAway = false
    rows.delete('s1')
    await pod.sser.disconnect({ tag: 'session:s1' })
    expect(await listening.text()).toMatch(
      /event: sser-retry\nretry: \d+\ndata: {"reason":"disconnected"}\n\n$/,
    )
    expect(await ask('stream=user:ann', 'sid=s1')).toBe(403)
  })
})
