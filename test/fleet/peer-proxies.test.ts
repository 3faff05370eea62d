import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { StaticPeerFinder } from '../../src/index.ts'
import { SecuredFleet, type SecuredPod } from '../security/fleet.ts'
import { requires } from '../support/requires.ts'
import { collectRun, runTexts } from '../support/runs.ts'
import type { StreamClient } from '../support/stream-client.ts'
import { until, within } from '../support/until.ts'
import { TcpServer } from './proxy.ts'

const NET = '127.0.173'
/** Address of the proxy; it has a port for each Pod. */
const PROXY = `${NET}.9`
const PORTS = [7_311, 7_312] as const
/** Between HAProxy and the Pods. */
const BEHIND = [7_321, 7_322] as const
const TARGETS = PORTS.map((_, i) => ({ host: `${NET}.${i + 1}`, port: 7_310 }))

const nginx = requires('nginx')
const haproxy = requires('haproxy')
const fleet = new SecuredFleet(NET)
const ends: (() => unknown)[] = []
afterEach(async () => {
  await fleet.stop()
  for (const end of ends.splice(0).reverse()) await end()
})

/** Two Pods that reach each other through the proxy alone. */
async function startPods(): Promise<[SecuredPod, SecuredPod]> {
  const settings = [0, 1].map((index) => {
    const [own, peer] = [`${NET}.${index + 1}:7310`, `${PROXY}:${PORTS[1 - index]}`]
    return {
      peerFinder: new StaticPeerFinder([own, peer]),
      peerSecret: 'known to the Pods alone',
      requestTimeoutMs: 1_500,
    }
  })
  return (await fleet.start(...settings)) as [SecuredPod, SecuredPod]
}

/** Whether the link of each Pod to the other is an exchange. */
const areExchanges = () =>
  fleet.pods.map(({ sser }) => sser.peers.some(({ state, exchange }) => state === 'connected' && exchange))

/**
 * Sends on both Pods, and writes to a run of each, every 10 ms, `during` something; resolves when each client has every message
 * once, and a reader on the other Pod has each run, to its end.
 */
async function send(during: () => Promise<unknown>): Promise<void> {
  const clients = await Promise.all([0, 1].map((index) => fleet.listen(index, 'a')))
  const runs = await Promise.all(fleet.pods.map(({ sser }, index) => sser.startRun(`run:${index}`)))
  const readers = fleet.pods.map(({ sser }, index) => collectRun(sser.readRun(`run:${1 - index}`))).reverse()
  const sent: string[][] = [[], []]
  const timer = setInterval(() => {
    for (const [index, { sser }] of fleet.pods.entries()) {
      const msg = `${index} ${sent[index]?.length}`
      sent[index]?.push(msg)
      void sser.send('a', msg)
      runs[index]?.write(msg)
    }
  }, 10)
  try {
    await during()
  } finally {
    clearInterval(timer)
  }
  const count = sent.flat().length
  await until('all messages', () => clients.every(({ messages }) => messages.length >= count))
  for (const client of clients) expectEach(client, sent)
  for (const run of runs) run.end()
  await within('the runs are read', Promise.all(readers.map(({ done }) => done)))
  // A run may be told to be interrupted meanwhile, and to go on.
  const items = readers.map((read) =>
    runTexts(read).filter((text) => !/^\[(interrupted|resumed)\]$/.test(text)),
  )
  expect(items).toEqual(sent.map((messages) => [...messages, '[ended]']))
}

/** Expects each message once, those of one Pod in order, and no gap. */
function expectEach({ messages, gaps }: StreamClient, sent: string[][]): void {
  expect([0, 1].map((index) => messages.filter((msg) => msg.startsWith(`${index} `)))).toEqual(sent)
  expect(gaps).toEqual([])
}

/** Starts a proxy with a configuration; resolves when it accepts connections. */
async function startProxy(
  program: string,
  args: (path: string, dir: string) => string[],
  config: (dir: string) => string,
) {
  const dir = mkdtempSync(join(tmpdir(), 'sser-peer-proxy-'))
  const path = join(dir, 'proxy.conf')
  writeFileSync(path, config(dir))
  const child = spawn(program, args(path, dir), { stdio: ['ignore', 'ignore', 'pipe'] })
  let output = ''
  child.stderr.on('data', (bytes: Buffer) => {
    output += bytes
  })
  const ended = new Promise((resolve) => child.once('close', resolve))
  ends.push(async () => {
    child.kill('SIGKILL')
    await ended
    rmSync(dir, { recursive: true, force: true })
  })
  const isUp = () =>
    fetch(`http://${PROXY}:${PORTS[0]}/`).then(
      () => true,
      () => false,
    )
  await until(`${program} listens: ${output}`, isUp)
}

const throughNginx = (directives: string) =>
  startProxy(
    nginx as string,
    (path) => ['-c', path],
    (dir) => `
      daemon off; master_process off; pid ${dir}/pid; error_log ${dir}/error.log;
      events { worker_connections 256; }
      http {
        access_log off;
        ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((of) => `${of}_temp_path ${dir}/${of};`).join(' ')}
        ${TARGETS.map(
          ({ host, port }, i) => `
            server { listen ${PROXY}:${PORTS[i]}; location / { proxy_pass http://${host}:${port}; ${directives} } }`,
        ).join('\n')}
      }`,
  )

describe('two Pods with a proxy between them', () => {
  it.skipIf(!nginx)(
    'send single requests through nginx with its defaults, which buffer (needs nginx)',
    async () => {
      await throughNginx('')
      const [one] = await startPods()
      await send(() =>
        // The exchange that got no answer in time was closed, and nothing waited for it.
        until('the Pod knows', () => one.sser.stats().peerExchanges.fallbacks > 0),
      )
      expect(areExchanges()).toEqual([false, false])
    },
  )

  it.skipIf(!nginx)('open exchanges through nginx without buffered requests (needs nginx)', async () => {
    await throughNginx('proxy_http_version 1.1; proxy_request_buffering off;')
    await startPods()
    await send(() => until('exchanges', () => areExchanges().every(Boolean)))
  })

  it.skipIf(!haproxy)(
    'open exchanges through HAProxy, also after its connections are cut (needs haproxy)',
    async () => {
      const behind = await Promise.all(
        TARGETS.map((target, i) => TcpServer.proxy(PROXY, BEHIND[i] as number, target)),
      )
      ends.push(() => Promise.all(behind.map((proxy) => proxy.cut())))
      await startProxy(
        haproxy as string,
        (path) => ['-db', '-f', path],
        () => `
defaults
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 30s
${PORTS.map(
  (port, i) => `
listen pod${i}
  bind ${PROXY}:${port}
  server pod ${PROXY}:${BEHIND[i]}
`,
).join('')}`,
      )
      await startPods()
      await send(async () => {
        await until('exchanges', () => areExchanges().every(Boolean))
        for (const { sockets } of behind) for (const socket of sockets) socket.resetAndDestroy()
        await until('the Pods know', () => !areExchanges().some(Boolean))
        await until('exchanges', () => areExchanges().every(Boolean))
      })
    },
  )

  it('lose and repeat nothing though all connections are cut again and again', async () => {
    const proxies = await Promise.all(
      TARGETS.map((target, i) => TcpServer.proxy(PROXY, PORTS[i] as number, target)),
    )
    ends.push(() => Promise.all(proxies.map((proxy) => proxy.cut())))
    await startPods()
    await send(async () => {
      for (let cut = 0; cut < 3; cut += 1) {
        await until('exchanges', () => areExchanges().every(Boolean))
        for (const { sockets } of proxies) for (const socket of sockets) socket.resetAndDestroy()
        await until('the Pods know', () => !areExchanges().some(Boolean))
      }
    })
  })

  it('find out that their connections carry nothing any more, and lose and repeat nothing', async () => {
    const sockets = new Set<Socket>()
    let isStalled = false
    const listening = TARGETS.map((target, i) =>
      TcpServer.listen(PROXY, PORTS[i] as number, (socket) => {
        const onward = connect(target)
        const both = [socket, onward] as const
        for (const [from, to] of [both, both.toReversed() as [Socket, Socket]]) {
          sockets.add(from)
          from.on('error', () => {}).on('close', () => isStalled || to.destroy())
          if (!isStalled) from.pipe(to)
        }
      }),
    )
    const proxies = await Promise.all(listening)
    ends.push(async () => {
      for (const socket of sockets) socket.destroy()
      await Promise.all(proxies.map((proxy) => proxy.cut()))
    })
    const [one] = await startPods()
    await send(async () => {
      await until('exchanges', () => areExchanges().every(Boolean))
      isStalled = true
      for (const socket of sockets) socket.unpipe().pause()
      const isFailing = () => one.sser.peers.some(({ state }) => state === 'failing')
      await until('the Pod knows', isFailing)
      expect((await one.sser.send('b', 'x')).peers.map(({ status }) => status)).toEqual(['pending'])
      isStalled = false
      await until('exchanges', () => areExchanges().every(Boolean))
    })
  })
})
