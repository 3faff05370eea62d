// Two Pods that bind their internal ports themselves, in a process whose environment names a proxy.
import { createServer } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'

const { Sser, StaticPeerFinder }: typeof import('../../src/index.ts') =
  'Bun' in globalThis ? await import('../../src/index.ts') : await import('../../src/index-node.ts')

const proxy = process.env.HTTP_PROXY ?? ''
const { hostname: host } = new URL(proxy)
const ports = [7_671, 7_672]

let asked = 0
createServer((socket) => {
  asked += 1
  socket.on('error', () => {}).destroy()
}).listen(Number(new URL(proxy).port), host)

const pods = await Promise.all(
  ports.map(async (port) => {
    const peerFinder = new StaticPeerFinder(
      ports.filter((other) => other !== port).map((other) => `${host}:${other}`),
    )
    const options = { peerFinder, internalPort: port, ackTimeoutMs: 15_000, logger: false as const }
    const sser = new Sser(options, { initialSyncTimeoutMs: 1_000 })
    const server = createAdaptorServer({ fetch: sser.internalRoutes.fetch })
    await new Promise<void>((resolve) => server.listen(port, host, () => resolve()))
    return sser
  }),
)
await Promise.all(pods.map((pod) => pod.start()))
const receipts: string[] = []
for (const pod of pods) {
  const end = performance.now() + 5_000
  let status: string | undefined
  while (status !== 'delivered' && performance.now() < end)
    status = (await pod.send('a', 'x')).peers[0]?.status
  receipts.push(String(status))
}
console.log(`${receipts.join(' ')}; the proxy was asked ${asked} times`)
process.exit()
