import { readFileSync } from 'node:fs'
import { createServer, request } from 'node:https'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import type { PeerTls } from '../../src/node.ts'
import { acquainted, endPods, PodProcess, startFleet } from '../support/pod-process.ts'
import { podTls } from '../support/pod-tls.ts'
import { closeClients, RawClient, StreamClient } from '../support/stream-client.ts'
import { until, within } from '../support/until.ts'
import { SecuredFleet, type SecuredPod } from './fleet.ts'

const pem = (name: string) => readFileSync(new URL(`./tls/${name}`, import.meta.url), 'utf8')
/** A client with a certificate of the same name, from another authority, that trusts the fleet's authority. */
const otherAuthority: PeerTls = { ...podTls, key: pem('stranger.key'), cert: pem('stranger.crt') }

const fleet = new SecuredFleet('127.0.62')
afterEach(async () => {
  closeClients()
  await fleet.stop()
  await endPods()
})

const secured = (internalTls: PeerTls = podTls) => ({ serving: { internalTls, opsPort: 0 } })

describe('Pods with certificates', () => {
  it('deliver each event to all clients, and answer probes on a separate port', async () => {
    const [one, two] = (await fleet.start(secured(), secured())) as [SecuredPod, SecuredPod]
    const client = await fleet.listen(1, 'a')
    expect((await one.sser.send('a', 'hello')).peers.map(({ status }) => status)).toEqual(['delivered'])
    await until('the client has it', () => client.messages.length === 1)
    const ops = `http://${new URL(two.internal).hostname}:${two.served.opsPort}`
    expect((await fetch(`${ops}/readyz`)).status).toBe(200)
    expect((await fetch(`${ops}/api/json/v1/send`, { method: 'POST', body: '{}' })).status).toBe(404)
  })

  it('accept nothing over plain HTTP, without a certificate, or from another authority', async () => {
    const [one] = (await fleet.start(secured(), secured(otherAuthority), {})) as [SecuredPod]
    const client = await fleet.listen(0, 'a')
    for (const index of [1, 2]) await (fleet.pods[index] as SecuredPod).sser.send('a', 'forged')
    const { peers } = await one.sser.send('a', 'true')
    expect(peers.map(({ status }) => status)).toEqual(['failed', 'failed'])
    await until('the client has it', () => client.messages.length > 0)
    expect(client.messages).toEqual(['true'])
    await expect(fetch(`${one.internal.replace('http', 'https')}/livez`)).rejects.toThrow('fetch failed')
  })

  it('close sockets that never finish the TLS handshake, idle or byte by byte', async () => {
    const [one] = (await fleet.start(secured())) as [SecuredPod]
    const [silent, slow] = (await Promise.all([1, 2].map(() => RawClient.open(one.internal)))) as [
      RawClient,
      RawClient,
    ]
    // The head of a record, whose body then comes slowly.
    slow.socket.write(Buffer.from([22, 3, 1, 2, 0]))
    const drip = setInterval(() => slow.socket.write(Buffer.from([1])), 200)
    try {
      await within('they end', Promise.all([silent.closed, slow.closed]))
    } finally {
      clearInterval(drip)
      for (const { socket } of [silent, slow]) socket.destroy()
    }
  })

  it('send nothing to a peer whose certificate has another authority', async () => {
    const [one] = (await fleet.start(
      secured(),
      secured({ ...otherAuthority, ca: pem('stranger-ca.crt') }),
    )) as [SecuredPod]
    await one.sser.send('a', 'hello')
    expect(one.sser.peers.map(({ lastError }) => lastError).join()).toMatch(/certificate/)
  })
})

describe('Node and Bun', () => {
  it('exchange events with certificates and a secret', async () => {
    const script = fileURLToPath(new URL('../fleet/custom-pod.ts', import.meta.url))
    const env = {
      TLS: JSON.stringify(podTls),
      OPTIONS: JSON.stringify({ peerSecret: 'sixteen letters and more' }),
    }
    const pods = await startFleet(['node', 'bun', 'bun'], '127.0.63.1', { script, env })
    await acquainted(pods)
    for (const pod of pods) {
      const areExchanges = async () => {
        const { peers } = await pod.state()
        return peers.every(({ state, exchange }) => state === 'self' || exchange)
      }
      await until(`the links of ${pod} are exchanges`, areExchanges)
    }
    const clients = await Promise.all(pods.map(({ url }) => StreamClient.open(url, 'a')))
    for (const pod of pods) await pod.send('a', pod.options.host)
    const hosts = pods.map(({ options }) => options.host)
    for (const client of clients) {
      await until('it has all', () => client.messages.length === 3)
      expect(client.messages.toSorted()).toEqual(hosts)
    }
  })

  it.each(['node', 'bun'] as const)(
    'send nothing to a peer whose certificate has another name, on %s',
    async (runtime) => {
      await fleet.start(secured())
      const script = fileURLToPath(new URL('../fleet/custom-pod.ts', import.meta.url))
      const send = async (servername: string, host: string) => {
        const env = { TLS: JSON.stringify({ ...podTls, servername }) }
        const pod = await PodProcess.start({ runtime, host, peers: ['127.0.62.1:7310'], script, env })
        return (await pod.send('a', 'hello')).peers[0]
      }
      expect(await send('another', '127.0.63.31')).toMatchObject({
        status: 'failed',
        reason: expect.stringMatching(/altname/i),
      })
      expect(await send(podTls.servername, '127.0.63.32')).toMatchObject({ status: 'delivered' })
    },
  )

  it.each(['node', 'bun'] as const)(
    'trust no other authority, on %s, whatever the environment sets',
    async (runtime) => {
      const script = fileURLToPath(new URL('../fleet/custom-pod.ts', import.meta.url))
      const env = { TLS: JSON.stringify(podTls), NODE_TLS_REJECT_UNAUTHORIZED: '0' }
      let taken = 0
      const { key, cert } = otherAuthority
      const impostor = createServer({ key, cert }, (_, response) => {
        taken += 1
        response.writeHead(404).end()
      })
      await new Promise<void>((resolve) => impostor.listen(7110, '127.0.63.22', resolve))
      onTestFinished(async () => {
        impostor.closeAllConnections()
        await new Promise((resolve) => impostor.close(resolve))
      })
      const pod = await PodProcess.start({
        runtime,
        host: '127.0.63.21',
        peers: ['127.0.63.22:7110'],
        script,
        env,
      })
      const { peers } = await pod.send('a', 'secret')
      expect(peers).toMatchObject([{ status: 'failed', reason: expect.stringContaining('certificate') }])
      expect(taken).toBe(0)
      const untrusted = [{}, { key, cert }]
      for (const certificate of untrusted) {
        const asked = request('https://127.0.63.21:7110/livez', { ...certificate, rejectUnauthorized: false })
        const outcome = new Promise((resolve) => {
          asked.on('response', resolve).on('error', () => resolve('refused'))
        })
        asked.end()
        expect(await within('an end', outcome)).toBe('refused')
      }
    },
  )
})
