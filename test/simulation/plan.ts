import { NORMAL, type PlanSize, SHORT } from './plan-size.ts'
import { Random } from './random.ts'
import type { RunAction, RunsPlan } from './run-plan.ts'
import { VERSIONS, type Version } from './version.ts'

/** One action, at `at` milliseconds. */
export type Action = RunAction | StreamAction

type StreamAction = { at: number } & (
  | { kind: 'send'; pod: number; stream: string; key?: string; length?: number }
  | { kind: 'disconnect'; pod: number; stream: string }
  | { kind: 'v1'; stream: string }
  | { kind: 'crash' | 'stop'; pod: number }
  | { kind: 'start'; pod: number; version?: Version }
  | { kind: 'pause'; pod: number; ms: number }
  | { kind: 'partition'; from: readonly number[]; ms: number; isOneWay: boolean }
  | { kind: 'faults'; ms: number; rate: number }
  | { kind: 'stall' | 'go-offline'; client: number; ms: number }
  | { kind: 'reconnect' | 'foreign-id'; client: number }
)

/**
 * Kinds of faults of a seed. `ordinary`: rollouts and clients that move, but no faults, and a large log. `crowded`: in
 * addition the stream `busy`, which takes more than the whole log, and rollouts or partitions.
 */
export type FaultProfile = 'ordinary' | 'crowded' | 'mild' | 'harsh' | 'tiny'

/** Parameters and actions that a seed determines before the run. */
export interface Plan {
  seed: number
  profile: FaultProfile
  size: PlanSize
  /** True if no client of quiet streams may have a gap, because no event is lost and the stream `busy` alone is evicted. */
  isFair: boolean
  pods: number
  /** First version of each Pod. */
  versions: readonly Version[]
  clients: readonly (readonly string[])[]
  /** Numbers of the clients that are subscriptions in the process of a Pod; undefined: none. */
  loops?: ReadonlySet<number>
  ageMs: number
  logBytes: number
  heartbeatMs: number
  /** End of all faults. */
  faultsEndAt: number
  actions: readonly Action[]
  /** Undefined without runs. */
  runs?: RunsPlan
}

const FAULT_PROFILES: readonly FaultProfile[] = ['ordinary', 'mild', 'harsh', 'tiny', 'crowded']

export function makePlan(
  seed: number,
  profile: FaultProfile = FAULT_PROFILES[seed % FAULT_PROFILES.length] as FaultProfile,
  isShort = false,
): Plan {
  const size = isShort ? SHORT : NORMAL
  const random = new Random(seed ^ 0x5eed)
  // A fleet that always has a ready Pod, and no faults, must send no gap.
  const isCrowded = profile === 'crowded'
  const isOrdinary = profile === 'ordinary' || isCrowded
  const pods = random.int(isOrdinary ? 2 : 1, random.chance(0.1) ? size.manyPods : size.pods)
  const streams = ['a', 'b', 'c', 'd'].slice(0, random.int(1, 4))
  const clients = Array.from({ length: random.int(1, size.clients) }, () => {
    const first = random.pick(streams)
    const second = random.pick(streams)
    return first === second || random.chance(0.6) ? [first] : [first, second]
  })
  if (isCrowded) clients.push(['busy'], [random.pick(streams), 'busy'])
  const isLong = random.chance(0.08) && size.isLong(profile)
  const ageMs =
    profile === 'tiny' ? random.pick([2_000, 4_000]) : isOrdinary ? 16_000 : random.pick([8_000, 16_000])
  const logBytes =
    profile === 'tiny' ? random.pick([1_024, 2_048, 4_096]) : isCrowded ? size.crowdedLogBytes : 1_048_576
  const faultsEndAt = isLong
    ? ageMs * random.int(4, size.longAges)
    : random.int(...size.faultsMs) + (isOrdinary ? 3_000 * pods : 0)
  const actions: Action[] = []
  const at = () => random.int(0, faultsEndAt)
  const pod = () => random.int(0, pods - 1)
  const client = () => random.int(0, clients.length - 1)
  const many = (most: number, make: () => Action | readonly Action[]) => {
    for (let n = random.int(0, most); n > 0; n -= 1) actions.push(...[make()].flat())
  }
  const burst = (): Action[] => {
    const from = at()
    const sender = pod()
    return Array.from({ length: random.int(1, 6) }, (_, i) => ({
      at: from + i * random.int(0, 40),
      kind: 'send',
      pod: sender,
      stream: random.pick(streams),
    }))
  }
  const restart = (kind: 'crash' | 'stop'): Action[] => {
    const from = at()
    const which = pod()
    return [
      { at: from, kind, pod: which },
      { at: from + random.int(100, 4_000), kind: 'start', pod: which },
    ]
  }
  const retry = (): Action[] => {
    const from = at()
    const send = { kind: 'send', stream: random.pick(streams), key: `key${random.int(0, 1e9)}` } as const
    return [
      { ...send, at: from, pod: pod() },
      { ...send, at: from + random.int(1, 2_000), pod: pod() },
    ]
  }
  many(isLong ? size.longBursts : size.bursts, burst)
  many(3, retry)
  many(8, () => ({ at: at(), kind: 'reconnect', client: client() }))
  many(3, () => ({
    at: at(),
    kind: 'stall',
    client: client(),
    ms: random.int(500, isOrdinary ? 3_000 : 6_000),
  }))
  many(2, () => {
    const from = at()
    const ms = random.int(500, isOrdinary ? ageMs / 4 : isLong ? 3 * ageMs : ageMs / 2)
    return { at: from, kind: 'go-offline', client: client(), ms: Math.min(ms, faultsEndAt - from) }
  })
  if (!isOrdinary) many(2, () => restart('stop'))
  const isPartitioned = isCrowded && random.chance(0.5)
  if (isPartitioned) {
    // The Pods that are cut off lack events that the others have evicted by the time they are back.
    const from = random.int(500, faultsEndAt / 2)
    actions.push({ at: from, kind: 'partition', from: [0], ms: random.int(1_000, 4_000), isOneWay: false })
  }
  if (isCrowded) {
    for (let n = random.int(...size.crowdedBursts); n > 0; n -= 1) {
      const from = at()
      const sender = pod()
      for (let i = random.int(...size.crowdedBurst); i > 0; i -= 1)
        actions.push({ at: from + i * 5, kind: 'send', pod: sender, stream: 'busy', length: 500 })
    }
  }
  if (!isPartitioned && random.chance(isOrdinary ? 0.7 : 0.3)) {
    const from = isOrdinary ? 500 : at()
    for (let i = 0; i < pods; i += 1) {
      const step = from + i * (isOrdinary ? 3_000 : 900)
      // While the first of these events is in flight to the peers, they lack the others.
      const stream = random.pick(streams)
      for (let early = random.int(0, 3); early > 0; early -= 1)
        actions.push({ at: step - early * 2, kind: 'send', pod: i, stream })
      actions.push({ at: step, kind: 'stop', pod: i }, { at: step + 600, kind: 'start', pod: i })
    }
  }
  if (!isOrdinary) {
    const isHarsh = profile !== 'mild'
    many(isHarsh ? 3 : 1, () => restart('crash'))
    many(isHarsh ? 3 : 1, () => ({
      at: at(),
      kind: 'faults',
      ms: random.int(500, 5_000),
      rate: random.pick([0.05, 0.2, 0.5]),
    }))
    many(isHarsh ? 2 : 1, () => ({
      at: at(),
      kind: 'partition',
      from: Array.from({ length: pods }, (_, i) => i).filter(() => random.chance(0.5)),
      ms: random.int(500, isLong ? 2 * ageMs : 6_000),
      isOneWay: random.chance(0.4),
    }))
    many(isHarsh ? 2 : 0, () => {
      const from = at()
      return {
        at: from,
        kind: 'pause',
        pod: pod(),
        ms: Math.min(random.int(200, ageMs), faultsEndAt - from),
      }
    })
    if (random.chance(0.15)) many(3, () => ({ at: at(), kind: 'v1', stream: random.pick(streams) }))
    if (random.chance(0.1)) actions.push({ at: at(), kind: 'foreign-id', client: client() })
  }
  many(2, () => ({ at: at(), kind: 'disconnect', pod: pod(), stream: random.pick(streams) }))
  many(2, () => {
    const place = { at: at(), pod: pod(), stream: random.pick(streams) }
    return [
      { ...place, kind: 'send' },
      { ...place, kind: 'disconnect' },
    ]
  })
  actions.sort((a, b) => a.at - b.at)
  const versions = Array.from({ length: pods }, () => 'current' as const)
  const heartbeatMs = 3_000
  const isFair = isCrowded
  return {
    seed,
    profile,
    size,
    isFair,
    pods,
    versions,
    clients,
    ageMs,
    logBytes,
    heartbeatMs,
    faultsEndAt,
    actions,
  }
}

/** The same plan, in which about half of the clients are subscriptions in the process of a Pod. */
export function withLoops(plan: Plan): Plan {
  const random = new Random(plan.seed ^ 0x100b)
  // The id of a loop that receives nothing grows older than the log.
  return { ...plan, isFair: false, loops: new Set([...plan.clients.keys()].filter(() => random.chance(0.5))) }
}

/**
 * The same plan with Pods of two versions: at first of a random one each, and of a random one after each restart. Then all
 * of them are updated, one by one, and back; in a short plan to one version.
 */
export function mixVersions(plan: Plan): Plan {
  const { seed, profile, pods, faultsEndAt, size } = plan
  const random = new Random(seed ^ 0x0ddba11)
  const version = () => random.pick(VERSIONS)
  const versions = Array.from({ length: pods }, version)
  const actions = plan.actions.map((action) =>
    action.kind === 'start' ? { ...action, version: version() } : action,
  )
  // Without faults, one Pod at a time: two Pods of an ordinary fleet are never away together.
  const isOrdinary = profile === 'ordinary'
  const from = isOrdinary ? faultsEndAt + 3_000 : random.int(0, faultsEndAt)
  const stepMs = isOrdinary ? 3_000 : random.int(700, 2_000)
  const rounds = size.updatesAll ? VERSIONS : [version()]
  const updates = rounds.flatMap((to, round) =>
    versions.flatMap((_, pod): Action[] => {
      const at = from + (round * pods + pod) * stepMs
      return [
        { at, kind: 'stop', pod },
        { at: at + 600, kind: 'start', pod, version: to },
      ]
    }),
  )
  const end = from + rounds.length * pods * stepMs
  return {
    ...plan,
    // The recorded release evicts the oldest events of the log, whatever their streams.
    isFair: false,
    versions,
    actions: [...actions, ...updates].sort((a, b) => a.at - b.at),
    faultsEndAt: Math.max(faultsEndAt, end),
  }
}
