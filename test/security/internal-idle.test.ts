import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { endPods, PodProcess } from '../support/pod-process.ts'
import { RawClient } from '../support/stream-client.ts'
import { until, within } from '../support/until.ts'

const script = fileURLToPath(new URL('../fleet/custom-pod.ts', import.meta.url))
const EVENT = '{"stream":"a","msg":"x"}'
const POST = `POST /api/json/v1/send HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${EVENT.length}\r\n\r\n${EVENT}`

const raws: RawClient[] = []
afterAll(async () => {
  for (const { socket } of raws) socket.destroy()
  await endPods()
})

async function open(host: string, bytes = ''): Promise<RawClient> {
  const raw = await RawClient.open(`http://${host}:7110`)
  raws.push(raw)
  if (bytes !== '') raw.socket.write(bytes)
  return raw
}

describe.concurrent.each([
  ['node', '127.0.149.1'],
  ['bun', '127.0.149.2'],
] as const)('connections to the internal port of a Pod on %s', (runtime, host) => {
  it('are closed when idle, unless an authenticated peer used them', async () => {
    await PodProcess.start({ runtime, host, script })
    const peer = await open(host, POST)
    await peer.holds('its answer', (text) => text.startsWith('HTTP/1.1 200 '))
    const unauthenticated = await Promise.all(
      [
        '',
        'GET /livez HTTP/1.1\r\nhost: x\r\n',
        'GET /livez HTTP/1.1\r\nhost: x\r\n\r\n',
        'GET /livez HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n',
        'POST /livez HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n',
        'POST /api/json/v1/send HTTP/1.1\r\nhost: x\r\n\r\n',
      ].map((bytes) => open(host, bytes)),
    )
    await within('they are closed', Promise.all(unauthenticated.map(({ closed }) => closed)))
    expect(peer.isClosed).toBe(false)
    peer.take()
    peer.socket.write(POST)
    await peer.holds('its next answer', (text) => text.startsWith('HTTP/1.1 200 '))
  })
})

it('a connection above the limit of its address replaces the oldest one, under Node', async () => {
  const host = '127.0.149.3'
  await PodProcess.start({ runtime: 'node', host, script })
  const peer = await open(host, POST)
  await peer.holds('its answer', (text) => text.startsWith('HTTP/1.1 200 '))
  const unauthenticated: RawClient[] = []
  for (let i = 0; i < 300; i += 1) unauthenticated.push(await open(host))
  await until('the oldest are closed', () => unauthenticated.filter(({ isClosed }) => isClosed).length === 44)
  expect(unauthenticated.slice(0, 44).every(({ isClosed }) => isClosed)).toBe(true)
  expect(peer.isClosed).toBe(false)
})
