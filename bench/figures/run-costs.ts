// Bytes, memory and times of runs, without a comparison.
import { execFile } from 'node:child_process'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { BenchOptions } from '../harness/options.ts'
import { median, type Table } from '../harness/table.ts'
import { addresses } from '../pods.ts'
import { CHUNKS_PER_SECOND } from '../runs/plan.ts'
import { RunPod } from '../runs/run-pod.ts'

const BYTES_CHUNKS = 200
const RELOAD_CHUNKS = 5_000
const RELOADS = 5
/** Load before a fleet in one process is measured, in seconds, because its compilers take that long. */
const WARM_UP_SECONDS = 20
const QUICK_WARM_UP_SECONDS = 10

export async function figure(): Promise<Table> {
  const { bytes, reload } = await betweenProcesses()
  const memory = await script('memory.ts', ['--expose-gc'], {})
  const rows: [string, number, string, number][] = [
    ['bytes on the wire to a reader, for each chunk of 4 bytes', bytes, '≤ 40', 40],
    [
      'heap of 1,000 ended runs of 1,000 chunks of 4 to 20 bytes, to their text',
      memory.ratio as number,
      '≤ 2',
      2,
    ],
    [
      `reload of ${RELOAD_CHUNKS.toLocaleString('en-US')} chunks on a Pod without a copy, ms`,
      reload,
      '≤ 100',
      100,
    ],
  ]
  return {
    name: 'runs-costs',
    title: 'Costs of runs',
    columns: ['', 'measured', 'target'],
    rows: rows.map(([name, value, target]) => [name, value, target]),
    notes: [
      'Bytes: the plain dialect over HTTP/1.1, one chunk in a turn, with the framing of the body. Reload: until the last chunk has arrived over HTTP, the median of 5 runs.',
    ],
    plots: [],
    targets: rows.map(([name, measured, , most]) => ({ figure: name, most, measured })),
  }
}

/** The CPU of a chunk with 50 Pods in one process, to that with 3 Pods. */
export async function manyPods({ quick }: BenchOptions): Promise<Table> {
  const warmUp = quick ? QUICK_WARM_UP_SECONDS : WARM_UP_SECONDS
  const rounds = [await inProcess('in-process.ts', 3, warmUp), await inProcess('in-process.ts', 50, warmUp)]
  const floors = [
    await inProcess('in-process-floor.ts', 3, warmUp),
    await inProcess('in-process-floor.ts', 50, warmUp),
  ]
  const [few = Number.NaN, many = Number.NaN] = rounds.map(({ cpu }) => cpu as number)
  const [fewRest = Number.NaN, manyRest = Number.NaN] = rounds.map(({ rest }) => rest as number)
  const [fewFloor = Number.NaN, manyFloor = Number.NaN] = floors.map(({ cpu }) => cpu as number)
  const ratio = many / few
  return {
    name: 'runs-pods',
    title: 'CPU of a chunk over Pods',
    columns: ['Pods in one process', 'CPU of a chunk, µs', '× 3 Pods', 'cores at rest', 'the floor, µs'],
    rows: [
      [3, few, 1, fewRest, fewFloor],
      [50, many, ratio, manyRest, manyFloor],
    ],
    notes: [
      `100 runs, ${CHUNKS_PER_SECOND} chunks a second each, a reader of each in another Pod. From the first chunk of all readers to the end, after ${warmUp} s of the same load; the CPU of the same fleet at rest is subtracted.`,
      'The floor: the same chunks as lines of requests that stay open, between servers of plain HTTP, without holders or acknowledgements.',
    ],
    plots: [],
    targets: [
      { figure: 'CPU of a chunk with 50 Pods in one process, to 3 Pods', most: 1.5, measured: ratio },
    ],
  }
}

async function betweenProcesses(): Promise<{ bytes: number; reload: number }> {
  const hosts = addresses(2)
  // Without holders the other Pod has no copy before it is asked.
  const env = { HOSTS: hosts.join(','), OPTIONS: JSON.stringify({ runs: { holders: 0 } }) }
  const pods = await Promise.all(hosts.map((HOST) => RunPod.start('sser', { ...env, HOST })))
  const [writer, other] = pods as [RunPod, RunPod]
  try {
    await writer.do({ do: 'open', runs: [{ name: 'bytes', seed: 1 }] })
    const reading = received(writer.url, 'bytes')
    await reading.open
    await writer.do({ do: 'fill', count: BYTES_CHUNKS, bytes: 4, isPaced: true })
    const body = (await reading.text).split('\r\n\r\n').slice(1).join('\r\n\r\n')
    const reloads: number[] = []
    for (let i = 0; i < RELOADS; i += 1) {
      const name = `reload-${i}`
      await writer.do({ do: 'open', runs: [{ name, seed: 1 }] })
      await writer.do({ do: 'fill', count: RELOAD_CHUNKS, bytes: 12, isPaced: false })
      const start = performance.now()
      const text = await received(other.url, name).text
      reloads.push(performance.now() - start)
      const chunks = text.split('\ndata: ').length - 1
      if (chunks < RELOAD_CHUNKS) throw new Error(`${chunks} of ${RELOAD_CHUNKS} chunks came`)
    }
    return { bytes: body.length / BYTES_CHUNKS, reload: median(reloads) }
  } finally {
    await Promise.all(pods.map((pod) => pod.end()))
  }
}

/** All bytes of a response, with its head and the framing of its body. */
function received(url: string, name: string): { open: Promise<void>; text: Promise<string> } {
  const { hostname, port } = new URL(url)
  const opened = Promise.withResolvers<void>()
  const text = new Promise<string>((resolve, reject) => {
    let all = ''
    const socket = connect(Number(port), hostname, () => {
      socket.write(`GET /runs/${name} HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n`)
    })
    socket.setEncoding('latin1').on('data', (part) => {
      all += part
      if (all.includes('\r\n\r\n')) opened.resolve()
    })
    socket.once('end', () => resolve(all)).once('error', reject)
  })
  return { open: opened.promise, text }
}

async function inProcess(name: string, pods: number, warmUp: number): Promise<Record<string, number>> {
  const env = {
    PODS: `${pods}`,
    HOSTS: addresses(pods).join(','),
    SECONDS: '5',
    WARM_UP_SECONDS: `${warmUp}`,
  }
  return script(name, [], env)
}

async function script(
  name: string,
  flags: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Record<string, number>> {
  const path = fileURLToPath(new URL(`../runs/${name}`, import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, path], {
    env: { ...process.env, ...env },
    timeout: 300_000,
  })
  return JSON.parse(stdout)
}
