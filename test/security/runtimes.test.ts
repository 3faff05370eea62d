import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { endPods, PodProcess } from '../support/pod-process.ts'
import { RawClient } from '../support/stream-client.ts'
import { until, within } from '../support/until.ts'

const script = fileURLToPath(new URL('../fleet/custom-pod.ts', import.meta.url))
/** Two bodies must arrive within this time, on a busy machine too; the second one then stalls for the rest of it. */
const BODY_TIMEOUT_MS = 4_000
const OPTIONS = JSON.stringify({
  internalBodyTimeoutMs: BODY_TIMEOUT_MS,
  maxBufferedBodyBytes: 8_388_608,
})

const raws: RawClient[] = []
afterEach(async () => {
  for (const { socket } of raws.splice(0)) socket.destroy()
  await endPods()
})

/** Begins a request with these headers, and a body of one byte. */
async function begin(head: string): Promise<RawClient> {
  const raw = await RawClient.open('http://127.0.69.1:7110')
  raws.push(raw)
  raw.socket.write(
    `POST /api/json/v2/append HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${head}\r\n\r\n{`,
  )
  return raw
}

describe.each(['node', 'bun'] as const)('bodies on the internal port of a Pod on %s', (runtime) => {
  it('stay within the total limit, whatever their declared length', async () => {
    await PodProcess.start({ runtime, host: '127.0.69.1', script, env: { OPTIONS } })
    const lengths = [
      '5\r\ncontent-length: 5',
      '5, 5',
      '-5',
      '',
      'x',
      '0x5',
      '5\r\ntransfer-encoding: chunked',
    ]
    for (const length of lengths) {
      const raw = await begin(`content-length: ${length}`)
      await raw.holds('a refusal', (text) => /^HTTP\/1.1 4\d\d /.test(text))
      await within('its connection ends', raw.closed)
    }
    const bodies = ['content-length: 8388608', 'content-length: 8388608'].map(begin)
    const [first, second] = (await Promise.all(bodies)) as [RawClient, RawClient]
    first.socket.write(Buffer.alloc(6_291_456, 32))
    second.socket.write(Buffer.alloc(3_145_728, 32))
    await first.holds('a refusal', (text) => text.startsWith('HTTP/1.1 503 '))
    await second.holds('a refusal', (text) => text.startsWith('HTTP/1.1 408 '))
    await within('their connections end', Promise.all([first.closed, second.closed]))
  })
})

describe.each(['node', 'bun'] as const)('a client that does not read, of a Pod on %s', (runtime) => {
  it('is disconnected, and the process prints nothing', async () => {
    const limits = { heartbeatMs: 1_000, slowClientTimeoutMs: 1_000, maxMessageBytes: 1_048_576 }
    const env = { OPTIONS: JSON.stringify(limits) }
    const pod = await PodProcess.start({ runtime, host: '127.0.69.1', script, env })
    const raw = await RawClient.events(pod.url, ['a'])
    raws.push(raw)
    await raw.holds('a greeting', (text) => text.includes('sser-position'))
    raw.socket.pause()
    for (let i = 0; i < 24; i += 1) await pod.send('a', 'x'.repeat(1_000_000))
    await until('it is cut', async () => (await pod.state()).connections === 0)
    raw.socket.resume()
    await within('its socket is closed', raw.closed)
    expect(pod.stderr).toBe('')
  })
})
