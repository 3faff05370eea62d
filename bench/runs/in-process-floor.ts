// The floor of in-process.ts: CPU of a chunk between `PODS` servers of plain HTTP in this process, as a line of a request that
// stays open, with the other lines of its turn; prints a JSON object.
import { type ClientRequest, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { until } from '../../test/support/until.ts'
import { CHUNKS_PER_SECOND, chunksOf } from './plan.ts'

const { PODS = '1', RUNS = '100', SECONDS = '4', WARM_UP_SECONDS = '1' } = process.env
const pods = Number(PODS)
/** Chunks of each run in the measured round, and in the one before it. */
const [count, warmUpCount] = [SECONDS, WARM_UP_SECONDS].map(
  (seconds) => Number(seconds) * CHUNKS_PER_SECOND,
) as [number, number]
let received = 0

const ports = await Promise.all(
  Array.from({ length: pods }, async () => {
    const server = createServer((incoming) => {
      incoming.setEncoding('utf8').on('data', (text: string) => {
        for (const line of text.split('\n')) if (line !== '') received += 1
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return (server.address() as AddressInfo).port
  }),
)

const runs = Array.from({ length: Number(RUNS) }, (_, i) => ({
  name: `run-${i}`,
  chunks: chunksOf({ name: '', seed: i + 1 }, Math.max(count, warmUpCount)),
  link: `${i % pods} ${(i * 7 + 1) % pods}`,
}))
const links = new Map<string, ClientRequest>()
for (const { link } of runs) {
  const port = ports[Number(link.split(' ')[1])]
  if (!links.has(link)) links.set(link, request({ host: '127.0.0.1', port, method: 'POST', agent: false }))
}

/** Writes `count` chunks of each run in time; returns the CPU, in microseconds. */
async function round(count: number): Promise<number> {
  const expected = received + runs.length * count
  const before = process.cpuUsage()
  await new Promise<void>((resolve) => {
    let i = 0
    const tick = setInterval(() => {
      const lines = new Map<string, string>()
      for (const { name, chunks, link } of runs)
        lines.set(link, `${lines.get(link) ?? ''}${name}\t${i}\t${chunks[i]}\n`)
      for (const [link, text] of lines) links.get(link)?.write(text)
      i += 1
      if (i < count) return
      clearInterval(tick)
      resolve()
    }, 1_000 / CHUNKS_PER_SECOND)
  })
  await until('all chunks have arrived', () => received === expected)
  const { user, system } = process.cpuUsage(before)
  return user + system
}

await round(warmUpCount)
console.log(JSON.stringify({ cpu: (await round(count)) / (runs.length * count) }))
process.exit()
