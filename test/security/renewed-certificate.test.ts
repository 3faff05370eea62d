import { X509Certificate } from 'node:crypto'
import { connect } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, it } from 'vitest'
import { endPods, PodProcess, type Runtime } from '../support/pod-process.ts'
import { until, WAIT_MS } from '../support/until.ts'
import { Authority } from './certificates.ts'

const script = fileURLToPath(new URL('../fleet/custom-pod.ts', import.meta.url))
const SHORT_S = 8
const DAY_S = 86_400
const HOSTS: Record<Runtime, [string, string, string]> = {
  node: ['127.0.64.1', '127.0.64.2', '127.0.64.3'],
  bun: ['127.0.64.11', '127.0.64.12', '127.0.64.13'],
}

const authorities: Authority[] = []

afterAll(async () => {
  await endPods()
  for (const authority of authorities) authority.remove()
})

/** An authority whose certificate `short`, which the Pods use, expires after some seconds; `long` is valid for a day. */
function newAuthority(): Authority {
  const authority = new Authority()
  authorities.push(authority)
  authority.issue('long', DAY_S)
  authority.issue('short', SHORT_S)
  authority.use('short')
  return authority
}

/** The fingerprint of the certificate that the server there presents; undefined where no server listens. */
function presentedAt(host: string, port: number, authority: Authority): Promise<string | undefined> {
  const [key, cert, ca] = ['pod.key', 'pod.crt', 'ca.crt'].map((name) => authority.text(name))
  return new Promise((resolve) => {
    const socket = connect({ host, port, key, cert, ca, servername: 'pods' }, () => {
      resolve(socket.getPeerX509Certificate()?.fingerprint256)
      socket.destroy()
    })
    socket.on('error', () => resolve(undefined))
  })
}

describe.concurrent.each(['node', 'bun'] as const)('a Pod under %s', (runtime) => {
  const [first, second, third] = HOSTS[runtime]

  it('whose certificate was renewed talks with Pods that come after the old one expired', async () => {
    const authority = newAuthority()
    const expired = Date.now() + SHORT_S * 1_000
    const TLS = JSON.stringify(authority.podFiles)
    const env = { TLS, OPTIONS: JSON.stringify({ initialSyncTimeoutMs: 0 }) }
    const old = await PodProcess.start({ runtime, host: first, peers: [`${second}:7110`], script, env })
    authority.use('long')
    await until('the first certificate expired', () => Date.now() > expired + 1_000, WAIT_MS, 50)
    const young = await PodProcess.start({ runtime, host: second, peers: [`${first}:7110`], script, env })
    for (const pod of [young, old]) {
      await until(`${pod} reaches the other`, async () =>
        (await pod.send('a', 'x')).peers.every(({ status }) => status === 'delivered'),
      )
    }
  })

  it('on a free internal port keeps its port when its certificate is renewed', async () => {
    const authority = newAuthority()
    const env = { TLS: JSON.stringify(authority.podFiles), OPTIONS: JSON.stringify({ internalPort: 0 }) }
    const pod = await PodProcess.start({ runtime, host: third, peers: [], script, env })
    const port = Number(/internally (\d+)/.exec(pod.stdout)?.[1])
    authority.use('long')
    const renewed = new X509Certificate(authority.text('long.crt')).fingerprint256
    const isRenewed = async () => (await presentedAt(third, port, authority)) === renewed
    await until('it presents the new one', isRenewed, WAIT_MS, 50)
  })
})
