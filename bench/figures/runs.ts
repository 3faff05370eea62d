// Runs between Pods against `resumable-stream` with Redis between the same Pods; needs a redis-server.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { seededRandom } from '../../test/support/messages.ts'
import { within } from '../../test/support/until.ts'
import type { BenchOptions } from '../harness/options.ts'
import { programPath } from '../harness/program-path.ts'
import { median, medianRatio, type Table } from '../harness/table.ts'
import { startRedis } from '../pods/redis-server.ts'
import { addresses, quantile } from '../pods.ts'
import { CHUNKS_PER_SECOND, chunksOf } from '../runs/plan.ts'
import { RunBytes } from '../runs/reader.ts'
import { RunPod, type RunPodKind } from '../runs/run-pod.ts'

const RUNS = 300
const SECONDS = 10
const QUICK_SECONDS = 4
/** Load on each row before its first round: the compilers of Node take that long for either package. */
const WARM_UP_SECONDS = 8
/** Time in which readers must have all, after the last chunk was written. */
const PATIENCE_MS = 60_000
const PACKAGES = fileURLToPath(new URL('../runs/packages', import.meta.url))

/** The Pods that the readers are on: the one that writes the run, or a random one; `none`: no run has a reader. */
type Readers = 'own Pod' | 'random Pod' | 'none'

interface Fleet {
  name: string
  pods: readonly RunPod[]
  readers: Readers
  /** CPU time of all processes so far, in milliseconds. */
  cpu(): number
}

interface Round {
  /** CPU time of all processes for each chunk, in microseconds. */
  cpu: number
  /** Latency from the write to the reader, in milliseconds. */
  p50: number
  p99: number
}

/** Highest ratios to `resumable-stream` to reach. */
const MOST: Round = { cpu: 0.3, p50: 0.8, p99: 1 }

export async function figure({ quick, rounds }: BenchOptions): Promise<Table> {
  const table: Table = {
    name: 'runs',
    title: `${RUNS} runs at once, a reader each`,
    columns: ['', 'CPU of a chunk, µs', 'p50, ms', 'p99, ms', 'CPU × Redis', 'p50 × Redis', 'p99 × Redis'],
    rows: [],
    notes: [],
    plots: [],
  }
  if (programPath('redis-server') === undefined)
    return { ...table, notes: ['Left out here, for want of redis-server.'] }
  installPackages()
  const count = (quick ? QUICK_SECONDS : SECONDS) * CHUNKS_PER_SECOND
  const measured = await withFleets(async (fleets) => {
    const results = fleets.map((fleet) => ({ name: fleet.name, fleet, rounds: [] as Round[] }))
    for (const { fleet } of results) await turn(fleet, -1, WARM_UP_SECONDS * CHUNKS_PER_SECOND)
    // In turn, so that other load of the machine affects both.
    for (let round = 0; round < rounds; round += 1)
      for (const each of results) each.rounds.push(await turn(each.fleet, round, count))
    return results
  })
  const of = (i: number, key: keyof Round) => measured[i]?.rounds.map((round) => round[key])
  const ratio = (i: number, key: keyof Round) => medianRatio(of(i, key), of(0, key))
  const keys = ['cpu', 'p50', 'p99'] as const
  return {
    ...table,
    rows: measured.map(({ name }, i) => [
      name,
      ...keys.map((key) => median(of(i, key) ?? [])),
      ...keys.map((key) => ratio(i, key)),
    ]),
    notes: [
      `${RUNS} runs on three Pods, ${CHUNKS_PER_SECOND} chunks a second each, of 4 to 20 bytes, for ${count / CHUNKS_PER_SECOND} s; a reader of each on a random Pod, over HTTP. CPU of all Pods, and of the Redis. The median of ${rounds} rounds, after ${WARM_UP_SECONDS} s of the same load on each row.`,
      'The floors: Pods without a library, which write each chunk to its reader by `res.write`, and send it to the Pod of the reader as a line of a request that stays open, with the other lines of a millisecond. The load is the timer of each Pod that makes the chunks; every row has its CPU.',
    ],
    targets: keys.map((key) => ({
      figure: `${key === 'cpu' ? 'CPU of a chunk' : `${key} of a chunk`}, to \`resumable-stream\` with Redis`,
      most: MOST[key],
      measured: ratio(1, key),
    })),
  }
}

async function withFleets<T>(measure: (fleets: readonly Fleet[]) => Promise<T>): Promise<T> {
  const redis = await startRedis()
  const pods: RunPod[] = []
  const start = async (kind: RunPodKind) => {
    const hosts = addresses(3)
    const env = { HOSTS: hosts.join(','), REDIS_URL: redis.url }
    const own = await Promise.all(hosts.map((HOST) => RunPod.start(kind, { ...env, HOST })))
    pods.push(...own)
    return own
  }
  const cpu = (own: readonly RunPod[], other = 0) => own.reduce((sum, pod) => sum + pod.cpu(), other)
  try {
    const [withRedis, withSser, bare] = [await start('redis'), await start('sser'), await start('floor')]
    const fleet = (name: string, own: readonly RunPod[], readers: Readers, other = () => 0): Fleet => ({
      name,
      pods: own,
      readers,
      cpu: () => cpu(own, other()),
    })
    return await measure([
      fleet('`resumable-stream`, Redis', withRedis, 'random Pod', () => redis.cpu()),
      fleet('**sser**', withSser, 'random Pod'),
      fleet('**sser**, each reader on the Pod that writes its run', withSser, 'own Pod'),
      fleet('the floor: `res.write`, and a line to the reader’s Pod', bare, 'random Pod'),
      fleet('the floor, each reader on the Pod that writes its run', bare, 'own Pod'),
      fleet('the load alone: chunks without a reader', bare, 'none'),
    ])
  } finally {
    await Promise.all(pods.map((pod) => pod.end()))
    redis.stop()
  }
}

async function turn(
  { name: row, pods, readers: on, cpu }: Fleet,
  round: number,
  count: number,
): Promise<Round> {
  const random = seededRandom(round + 2)
  const plans = Array.from({ length: RUNS }, (_, i) => ({
    name: `${on.slice(0, 3)}-${round}-${i}`,
    seed: i + 1,
  }))
  const ownOf = (pod: number) => plans.filter((_, i) => i % pods.length === pod)
  await Promise.all(pods.map((pod, i) => pod.do({ do: 'open', runs: ownOf(i) })))
  const podOf = (run: number) =>
    pods[on === 'own Pod' ? run % pods.length : Math.floor(random() * pods.length)]
  const readers =
    on === 'none'
      ? []
      : await Promise.all(plans.map(({ name }, i) => RunBytes.open(`${podOf(i)?.url}/runs/${name}`)))
  const before = cpu()
  const results = await Promise.all(pods.map((pod) => pod.do({ do: 'write', count })))
  await within(`the end of all runs: ${row}`, Promise.all(readers.map(({ ended }) => ended)), PATIENCE_MS)
  const cpuMs = cpu() - before
  const written = Object.assign({}, ...results.map(({ times }) => times)) as Record<string, number[]>
  const latencies = plans.flatMap((plan, i) => {
    const arrivals = readers[i]?.arrivals(chunksOf(plan, count)) ?? []
    return arrivals.map((at, chunk) => at - (written[plan.name]?.[chunk] as number))
  })
  latencies.sort((a, b) => a - b)
  return {
    cpu: (cpuMs * 1_000) / (RUNS * count),
    p50: latencies.length === 0 ? Number.NaN : quantile(latencies, 0.5),
    p99: latencies.length === 0 ? Number.NaN : quantile(latencies, 0.99),
  }
}

/** The compared package is no dependency of this one. */
function installPackages(): void {
  if (existsSync(`${PACKAGES}/node_modules`)) return
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: PACKAGES,
    stdio: 'inherit',
  })
}
