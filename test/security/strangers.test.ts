import { afterEach, describe, expect, it } from 'vitest'
import { SecuredFleet, type SecuredPod } from './fleet.ts'

const fleet = new SecuredFleet('127.0.66')
afterEach(() => fleet.stop())

const peerSecret = 'known to the Pods alone'

function recording() {
  const lines: string[] = []
  return { lines, logger: { info: () => {}, warn: (line: string) => void lines.push(line) } }
}

describe('who knocks at the internal port', () => {
  it('is counted each time, and told of once a minute', async () => {
    const { lines, logger } = recording()
    const [pod] = (await fleet.start({ peerSecret, logger })) as [SecuredPod]
    for (let i = 0; i < 50; i += 1)
      await fetch(`${pod.internal}/api/json/v2/append`, { method: 'POST', body: '{}' })
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(
      /^sser: peer 127\.0\.0\.\d+: a request of a peer was refused: a signature is required$/,
    )
    expect(pod.faults).toMatchObject([{ error: { code: 'unauthorized' }, context: { stage: 'receive' } }])
    expect(pod.sser.stats().rejected).toMatchObject({ unauthorized: 50 })
  })
})

describe('a Pod that starts', () => {
  it.each([
    ['neither a secret nor certificates', {}, 1],
    ['a secret', { peerSecret }, 0],
  ])('with %s says so, once, or has nothing to say', async (_, settings, times) => {
    const { lines, logger } = recording()
    await fleet.start({ ...settings, logger })
    expect(lines.filter((line) => line.includes('the internal port 7310 is open'))).toHaveLength(times)
  })
})
