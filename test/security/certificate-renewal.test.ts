import { X509Certificate } from 'node:crypto'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { certificateReader } from '../../src/runtime/node/certificate-reader.ts'
import { PeerCertificates } from '../../src/transport/certificates.ts'
import { VirtualClock } from '../support/clock.ts'
import { endPods, PodProcess, type Runtime } from '../support/pod-process.ts'
import { until } from '../support/until.ts'
import { Authority } from './certificates.ts'
import { SecuredFleet } from './fleet.ts'

const HOSTS: Record<Runtime, [string, string]> = {
  node: ['127.0.64.1', '127.0.64.2'],
  bun: ['127.0.64.11', '127.0.64.12'],
}
const DAY_S = 86_400

let authority: Authority
beforeEach(() => {
  authority = new Authority()
})
afterEach(async () => {
  await endPods()
  authority.remove()
})

/** What a Pod reads, with the certificate of that name. */
function use(name: string): void {
  copyFileSync(authority.path(`${name}.key`), authority.path('pod.key'))
  copyFileSync(authority.path(`${name}.crt`), authority.path('pod.crt'))
}

function files(): { keyFile: string; certFile: string; caFile: string; servername: string } {
  const [keyFile, certFile, caFile] = ['pod.key', 'pod.crt', 'ca.crt'].map((name) => authority.path(name))
  return { keyFile, certFile, caFile, servername: 'pods' } as ReturnType<typeof files>
}

describe.each(['node', 'bun'] as const)('a Pod under %s whose certificate was renewed', (runtime) => {
  it('talks with Pods that come after the old one expired', async () => {
    authority.issue('short', 8)
    authority.issue('long', DAY_S)
    use('short')
    const expired = Date.now() + 8_000
    const script = fileURLToPath(new URL('../fleet/custom-pod.ts', import.meta.url))
    const [first, second] = HOSTS[runtime]
    const env = { TLS: JSON.stringify(files()), OPTIONS: JSON.stringify({ initialSyncTimeoutMs: 0 }) }
    const old = await PodProcess.start({ runtime, host: first, peers: [`${second}:7110`], script, env })
    use('long')
    await until('the first certificate expired', () => Date.now() > expired + 1_000, 15_000)
    const young = await PodProcess.start({ runtime, host: second, peers: [`${first}:7110`], script, env })
    for (const pod of [young, old]) {
      await until(
        `${pod} reaches the other`,
        async () => (await pod.send('a', 'x')).peers.every(({ status }) => status === 'delivered'),
        10_000,
      )
    }
  }, 40_000)
})

/** The fingerprint of the certificate that is presented there; undefined where nothing listens. */
function presentedAt(host: string, port: number): Promise<string | undefined> {
  const [key, cert, ca] = ['pod.key', 'pod.crt', 'ca.crt'].map((name) => readFileSync(authority.path(name)))
  return new Promise((resolve) => {
    const socket = connect({ host, port, key, cert, ca, servername: 'pods' }, () => {
      resolve(socket.getPeerX509Certificate()?.fingerprint256)
      socket.destroy()
    })
    socket.on('error', () => resolve(undefined))
  })
}

describe.each(['node', 'bun'] as const)('a Pod under %s on a free internal port', (runtime) => {
  it('keeps its port when its certificate is renewed', async () => {
    authority.issue('short', 8)
    authority.issue('long', DAY_S)
    use('short')
    const script = fileURLToPath(new URL('../fleet/custom-pod.ts', import.meta.url))
    const [host] = HOSTS[runtime]
    const env = { TLS: JSON.stringify(files()), SERVE: JSON.stringify({ internalPort: 0 }) }
    const pod = await PodProcess.start({ runtime, host, peers: [], script, env })
    const port = Number(/internally (\d+)/.exec(pod.stdout)?.[1])
    use('long')
    const renewed = new X509Certificate(readFileSync(authority.path('long.crt'))).fingerprint256
    await until('it presents the new one', async () => (await presentedAt(host, port)) === renewed, 12_000)
  }, 30_000)
})

describe('a Pod whose certificate expires soon', () => {
  const fleet = new SecuredFleet('127.0.65')
  afterEach(() => fleet.stop())

  it('says so in /readyz and in a metric, and stays ready', async () => {
    authority.issue('soon', 120)
    use('soon')
    const pod = await fleet.one({ serving: { internalTls: files(), opsPort: 0 } })
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
    const certificates = await PeerCertificates.read(files(), certificateReader, clock)
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
    use('first')
    const { certificates, clock } = await open()
    const renewed: string[] = []
    certificates.onRenewed = ({ cert }) => renewed.push(cert)
    const before = certificates.expiresAt
    for (let i = 0; i < 5; i += 1) await clock.advance(60_000)
    expect(renewed).toEqual([])
    use('second')
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
    use('first')
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
    use('old')
    const { certificates } = await open()
    expect(certificates.warning()).toMatch(
      /^the certificate of internalTls expires at .*: renew what internalTls reads/,
    )
    certificates.stop()
    authority.issue('expired', -60)
    use('expired')
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
