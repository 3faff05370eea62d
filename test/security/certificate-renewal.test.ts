import { copyFileSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { certificateReader } from '../../src/runtime/node/runtime.ts'
import { PeerCertificates } from '../../src/transport/certificates.ts'
import { VirtualClock } from '../support/clock.ts'
import { until } from '../support/until.ts'
import { Authority } from './certificates.ts'
import { SecuredFleet } from './fleet.ts'

const DAY_S = 86_400

let authority: Authority
beforeEach(() => {
  authority = new Authority()
})
afterEach(() => authority.remove())

describe('a Pod whose certificate expires soon', () => {
  const fleet = new SecuredFleet('127.0.65')
  afterEach(() => fleet.stop())

  it('says so in /readyz and in a metric, and stays ready', async () => {
    authority.issue('soon', 120)
    authority.use('soon')
    const pod = await fleet.one({ serving: { internalTls: authority.podFiles, opsPort: 0 } })
    const ops = `http://127.0.65.1:${pod.served.opsPort}`
    const response = await fetch(`${ops}/readyz`)
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({
      ready: true,
      warning: expect.stringContaining('expires at'),
    })
    const metrics = await (await fetch(`${ops}/metrics`)).text()
    const [, at] = /^sser_internal_tls_certificate_expiration_timestamp_seconds (\d+)/m.exec(metrics) ?? []
    expect(Math.abs(Number(at) - Date.now() / 1_000)).toBeLessThan(120)
  })
})

describe('a certificate', () => {
  const open = async (clock = new VirtualClock()) => {
    const certificates = await PeerCertificates.read(authority.podFiles, certificateReader, clock)
    const warnings: string[] = []
    certificates.onWarning = (message) => warnings.push(message)
    return { certificates, clock, warnings }
  }
  const read = async (clock: VirtualClock, isDone: () => boolean) => {
    // Files are read in real time, and only then is the next reading due.
    await until('it was read anew', async () => {
      await clock.advance(60_000)
      return isDone()
    })
  }

  it('is read again from its files, and applied only if it changed', async () => {
    authority.issue('first', DAY_S)
    authority.issue('second', 2 * DAY_S)
    authority.use('first')
    const { certificates, clock } = await open()
    const renewed: string[] = []
    certificates.onRenewed(({ cert }) => renewed.push(cert))
    const before = certificates.expiresAt
    for (let i = 0; i < 5; i += 1) await clock.advance(60_000)
    expect(renewed).toEqual([])
    authority.use('second')
    await read(clock, () => renewed.length > 0)
    expect(renewed).toEqual([authority.text('second.crt')])
    expect(certificates.current).toMatchObject({ key: authority.text('second.key') })
    expect(certificates.expiresAt).toBeGreaterThan(before)
    expect(certificates.warning()).toBeUndefined()
    certificates.stop()
    expect(clock.timers).toBe(0)
  })

  it('stays in use if the new file is invalid or its key differs, with a warning', async () => {
    authority.issue('first', DAY_S)
    authority.issue('second', DAY_S)
    authority.use('first')
    const { certificates, clock, warnings } = await open()
    copyFileSync(authority.path('second.crt'), authority.path('pod.crt'))
    await read(clock, () => warnings.length > 0)
    writeFileSync(authority.path('pod.crt'), 'no PEM')
    const seen = warnings.length
    await read(clock, () => warnings.length > seen)
    for (const warning of warnings) expect(warning).toMatch(/stays the one until .* Reading it anew failed: /)
    expect(certificates.current.cert).toBe(authority.text('first.crt'))
    certificates.stop()
  })

  it('causes a warning if expired or in the last tenth of its validity', async () => {
    authority.issue('old', 120)
    authority.use('old')
    const { certificates } = await open()
    expect(certificates.warning()).toMatch(
      /^the certificate of internalTls expires at .*: renew what internalTls reads/,
    )
    certificates.stop()
    authority.issue('expired', -60)
    authority.use('expired')
    const expired = await open()
    expect(expired.certificates.warning()).toMatch(/expired at .*: peers refuse every new connection/)
    expired.certificates.stop()
  })

  it('is rejected with the fix if it cannot be read at the start', async () => {
    await expect(open()).rejects.toMatchObject({
      code: 'invalid-options',
      message: expect.stringMatching(/^Option "internalTls": expected .* or a function .*ENOENT/),
    })
  })

  it('may come from a function', async () => {
    authority.issue('first', DAY_S)
    const source = async () => ({
      key: authority.text('first.key'),
      cert: authority.text('first.crt'),
      ca: authority.text('ca.crt'),
      servername: 'pods',
    })
    const certificates = await PeerCertificates.read(source, certificateReader, new VirtualClock())
    expect(certificates.current.cert).toBe(authority.text('first.crt'))
    certificates.stop()
  })
})
