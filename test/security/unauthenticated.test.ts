import { inspect } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import type { SserError } from '../../src/index.ts'
import { SecuredFleet, type SecuredPod } from './fleet.ts'

const fleet = new SecuredFleet('127.0.66')
afterEach(() => fleet.stop())

const peerSecret = 'known to the Pods alone'

function recording() {
  const lines: string[] = []
  return { lines, logger: { info: () => {}, warn: (line: string) => void lines.push(line) } }
}

describe('an unauthenticated request to the internal port', () => {
  it('is counted each time, and reported once a minute', async () => {
    const { lines, logger } = recording()
    const [pod] = (await fleet.start({ peerSecret, logger })) as [SecuredPod]
    for (let i = 0; i < 50; i += 1)
      await fetch(`${pod.internal}/api/json/v2/append`, { method: 'POST', body: '{}' })
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/^sser: peer 127\.0\.0\.\d+: request rejected: a signature is required$/)
    expect(pod.errors).toMatchObject([{ error: { code: 'unauthorized' }, context: { stage: 'receive' } }])
    expect(pod.sser.stats().rejected).toMatchObject({ unauthorized: 50 })
  })
})

describe('onError and the list of the last errors', () => {
  const json = { 'content-type': 'application/json' }
  const signature = { 'sser-signature': `t=1, s=0123456789abcdef, n=1, m=${'A'.repeat(43)}` }
  const post = (pod: SecuredPod, headers: Record<string, string>, body = '{}') =>
    fetch(`${pod.internal}/api/json/v2/append`, { method: 'POST', headers: { ...json, ...headers }, body })

  it('report a rejected address once a minute, whatever it sends', async () => {
    const [pod] = (await fleet.start({ peerSecret, logger: false })) as [SecuredPod]
    const before = pod.errors.length
    for (let i = 0; i < 20; i += 1) {
      await post(pod, {})
      await post(pod, signature)
      await post(pod, signature, 'x'.repeat(8_388_609)).catch(() => {})
      await post(pod, { origin: 'https://evil.example' })
      await post(pod, { ...signature, 'sser-target': 'x' })
    }
    expect(pod.errors.length - before).toBe(1)
    const page = await fetch(`${pod.internal}/debug/sser`)
    expect(((await page.json()) as { recentErrors: unknown[] }).recentErrors.length).toBeLessThanOrEqual(5)
    expect(pod.sser.stats().errors.receive).toBeGreaterThan(50)
  })

  it.each([
    ['invalid JSON', '\u001b[2J\u001b[31mFAKE\nFORGED LINE'],
    [
      'names with controls',
      '{"v":2,"epoch":"AAAAA","position":{"\\u001b[2J\\nFORGED \\u009b31m\\u202e":1},"runs":[]}',
    ],
  ])('contain no terminal escapes and no forged lines of rejected input: %s', async (_, body) => {
    const [pod] = (await fleet.start({ logger: false })) as [SecuredPod]
    await post(pod, {}, body)
    const [{ error } = { error: undefined }] = pod.errors
    expect((error as SserError).code).toBe('invalid-peer-message')
    // As `console.error` prints it, with its stack and its causes.
    const [first, ...rest] = inspect(error).split('\n')
    expect(first + rest.join('')).not.toMatch(/[\p{Cc}\u202e]/u)
    expect(rest.filter((line) => line.includes('FORGED'))).toEqual([])
    expect(JSON.stringify(pod.sser.stats())).not.toContain('FORGED')
  })
})

/** A port of its own, because all addresses include those of the fleets of other files. */
const ALL_ADDRESSES = { internalPort: 0, serving: { internalHostname: '0.0.0.0' } }

describe('a Pod that starts', () => {
  it.each([
    ['a secret', { peerSecret, ...ALL_ADDRESSES }],
    ['allowOpenInternalPort', { allowOpenInternalPort: true, ...ALL_ADDRESSES }],
    ['an internal port that is bound to loopback', {}],
  ])('does not warn of an open port with %s', async (_, settings) => {
    const { lines, logger } = recording()
    await fleet.start({ ...settings, logger })
    expect(lines.filter((line) => /open/.test(line))).toEqual([])
  })

  it('rejects to serve an internal port to unauthenticated peers of other machines', async () => {
    await expect(fleet.start(ALL_ADDRESSES)).rejects.toMatchObject({
      code: 'open-internal-port',
    })
  })
})
