// Fleets of three Pods that a figure measures in turn: with Redis between the Pods, and with this package.
import type { BenchOptions } from '../harness/options.ts'
import { sourceEnv } from '../harness/source.ts'
import { addresses, type PodProcess, startPods } from '../pods.ts'
import { type RedisServer, startRedis } from './redis-server.ts'

export const SECRET = JSON.stringify({ peerSecret: 'known to the Pods of the bench' })

const POD_COUNT = 3

export interface Fleet {
  name: string
  pods: readonly PodProcess[]
  /** CPU time so far of all Pods, and of the Redis, in milliseconds. */
  cpu(): number
}

/** The environments of the fleets of this package: without and with a secret, and the same of `--base`. */
export function sserFleets({ base }: BenchOptions): { name: string; env: Record<string, string> }[] {
  const kinds = [
    { name: '**sser on Node**', env: {} },
    { name: '**sser on Node**, with a `peerSecret`', env: { OPTIONS: SECRET } },
  ]
  if (base === undefined) return kinds
  const others = kinds.map(({ name, env }) => ({
    name: `${name}, \`--base\``,
    env: { ...env, ...sourceEnv(base) },
  }))
  return [...kinds, ...others]
}

/** Runs `measure` with running fleets: Redis first, and then those of {@link sserFleets}. */
export async function withFleets<T>(
  options: BenchOptions,
  measure: (fleets: readonly Fleet[]) => Promise<T>,
): Promise<T> {
  const fleets: Fleet[] = []
  const start = async (
    name: string,
    kind: 'redis' | 'sser',
    env: Record<string, string>,
    redis?: RedisServer,
  ) => {
    const pods = await startPods(kind, addresses(POD_COUNT), env)
    const cpu = () => pods.reduce((sum, pod) => sum + pod.cpu(), redis?.cpu() ?? 0)
    fleets.push({ name, pods, cpu })
  }
  const redis = await startRedis()
  try {
    await start('Redis pub/sub', 'redis', { REDIS: redis.url }, redis)
    for (const { name, env } of sserFleets(options)) await start(name, 'sser', env)
    return await measure(fleets)
  } finally {
    await Promise.all(fleets.flatMap(({ pods }) => pods.map((pod) => pod.end())))
    redis.stop()
  }
}
