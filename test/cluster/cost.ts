import { readFileSync } from 'node:fs'
import type { ClusterFleet } from './fleet.ts'
import { run } from './rig/run.ts'

const HOUR_MS = 3_600_000
const LOOK_MS = 1_000
const VERBS = ['list', 'watch']

/** Traffic between the apiserver and the Pods so far: requests by verb, and bytes of TLS and TCP in both directions. */
type Cost = ReadonlyMap<string, number>

/** Does some work; resolves with its cost to the apiserver, per Pod and hour. */
export async function costOf(fleet: ClusterFleet, work: () => Promise<void>): Promise<string> {
  const before = await costSoFar(fleet)
  let podMs = 0
  const timer = setInterval(() => {
    podMs += fleet.rig.pods.length * LOOK_MS
  }, LOOK_MS)
  try {
    await work()
  } finally {
    clearInterval(timer)
  }
  const after = await costSoFar(fleet)
  const rate = (what: string) => {
    const count = (after.get(what) ?? 0) - (before.get(what) ?? 0)
    return Number(((count * HOUR_MS) / podMs).toFixed(1))
  }
  return [...VERBS, 'bytes'].map((what) => `${rate(what)} ${what}`).join(', ')
}

/** Starts counting the bytes between the apiserver and each Pod's node. */
export async function meter({ rig }: ClusterFleet): Promise<void> {
  const { name } = rig.controlPlane.namespace
  for (const node of rig.kubelets.keys()) {
    const pods = `10.244.${node + 1}.0/24`
    await run('ip', ['netns', 'exec', name, 'iptables', '-w', '-A', 'INPUT', '-s', pods])
    await run('ip', ['netns', 'exec', name, 'iptables', '-w', '-A', 'OUTPUT', '-d', pods])
  }
}

async function costSoFar({ rig }: ClusterFleet): Promise<Cost> {
  const { auditLog, namespace } = rig.controlPlane
  const costs = new Map<string, number>()
  const add = (what: string, count: number) => costs.set(what, (costs.get(what) ?? 0) + count)
  for (const line of readFileSync(auditLog, 'utf8').split('\n')) {
    if (line !== '') add((JSON.parse(line) as { verb: string }).verb, 1)
  }
  const rules = await run('ip', ['netns', 'exec', namespace.name, 'iptables', '-w', '-nvxL'])
  for (const [, bytes] of rules.matchAll(/^\s*\d+\s+(\d+)\s.*10\.244\.\d+\.0\/24/gm))
    add('bytes', Number(bytes))
  return costs
}
