import type { Action, Plan } from './plan.ts'
import { Random } from './random.ts'
import { makeSchedule } from './run-schedules.ts'

/** One action on runs, at `at` milliseconds. */
export type RunAction = { at: number } & (
  | StartRun
  | ReadRun
  | { kind: 'cancel-run'; pod: number; name: string }
)

/** A Pod starts a run, and writes its chunks. */
export interface StartRun {
  kind: 'start-run'
  pod: number
  name: string
  /** Whether it may take the place of an ended run. */
  isReplacing: boolean
  chunks: number
  everyMs: number
  /** Length of the filler of a chunk. */
  length: number
  /** The application's last call; none: it goes on without a word. */
  end: 'end' | 'fail' | 'none'
  /** Whether it calls `flush()` now and then. */
  isFlushing: boolean
}

/** A reader begins on a random Pod. */
export interface ReadRun {
  kind: 'read-run'
  reader: string
  name: string
  /** Time between two items. */
  slowMs: number
  /** Number of moves to another Pod, and the longest time before each. */
  moves: number
  moveMs: number
}

/** Settings of the runs of a fleet. */
export interface RunsPlan {
  limits: { maxBytes: number; retainMs: number; maxRuns: number; holders: number }
  /** Whether a Pod may evict chunks, or forget a run, before the simulation ends. */
  mayEvict: boolean
  /** Time after which the headers of dead producers are forgotten, in milliseconds. */
  forgottenMs: number
}

/** The same plan, with runs: their producers, readers and cancellations, and more faults for their producers. */
export function addRuns(plan: Plan): Plan {
  const { seed, profile, pods } = plan
  const size = plan.size.runs
  const longCutMs = size.longCutMs(plan.ageMs)
  const random = new Random(seed ^ 0x0c0ffee)
  const isOrdinary = profile === 'ordinary' || profile === 'crowded'
  const hasLongCut = !isOrdinary && random.chance(0.06)
  const faultsEndAt = plan.faultsEndAt + (hasLongCut ? longCutMs : 0)
  const actions: Action[] = []
  const pod = () => random.int(0, pods - 1)
  let readers = 0
  const startRun = (name: string, at: number, isReplacing: boolean): StartRun & { at: number } => ({
    at,
    kind: 'start-run',
    pod: pod(),
    name,
    isReplacing,
    chunks: random.pick(size.chunks),
    everyMs: random.pick([0, 3, 10, 30, 100, 400]),
    length: random.pick(profile === 'tiny' ? [0, 400, size.largeChunk] : [0, 0, 0, 20, 400]),
    end: random.pick(['end', 'end', 'end', 'fail', 'none']),
    isFlushing: random.chance(0.4),
  })
  const read = (name: string, options: Pick<ReadRun, 'slowMs' | 'moves' | 'moveMs'> & { at: number }) => {
    actions.push({ kind: 'read-run', reader: `reader${readers++}`, name, ...options })
  }
  const disturb = (producer: number, from: number) => {
    const at = from + random.int(0, random.pick([200, 3_000]))
    const kind = random.pick(['crash', 'crash', 'stop', 'cut', 'pause', 'none'])
    if (kind === 'cut') {
      const ms = hasLongCut ? longCutMs + random.int(-4_000, 4_000) : random.int(1_000, 8_000)
      actions.push({ at, kind: 'partition', from: [producer], ms, isOneWay: random.chance(0.2) })
    } else if (kind === 'pause')
      actions.push({ at, kind, pod: producer, ms: Math.min(random.int(200, plan.ageMs), faultsEndAt - at) })
    else if (kind !== 'none') {
      actions.push({ at, kind, pod: producer } as Action)
      if (random.chance(0.7)) actions.push({ at: at + random.int(50, 5_000), kind: 'start', pod: producer })
    }
  }
  for (const name of ['r', 's', 't'].slice(0, random.pick(size.names))) {
    const from = random.int(0, plan.faultsEndAt - 2_000)
    const first = startRun(name, from, false)
    actions.push(first)
    // Two Pods that start one name within the time that a header travels.
    if (random.chance(0.3)) {
      const second = startRun(name, from + random.int(0, 10), random.chance(0.3))
      actions.push({ ...second, pod: (first.pod + 1) % pods })
    }
    for (let n = random.pick([0, 0, 1, 2]); n > 0; n -= 1) {
      const replacement = startRun(name, from + random.int(500, 6_000), random.chance(0.8))
      actions.push(replacement)
      // A reader that moves faster than the header of the replacement.
      if (random.chance(0.5))
        read(name, { at: replacement.at + random.int(0, 10), moves: 8, moveMs: 5, slowMs: 0 })
    }
    for (let n = random.int(1, 4); n > 0; n -= 1) {
      read(name, {
        at: Math.max(0, from + random.int(-1_500, 3_000)),
        slowMs: random.pick([0, 0, 0, 2, 40, 200]),
        moves: random.pick([0, 0, 1, 3, 8]),
        moveMs: random.pick([5, 50, 1_000, 4_000]),
      })
    }
    if (random.chance(0.35))
      actions.push({ at: from + random.int(0, 3_000), kind: 'cancel-run', pod: pod(), name })
    if (!isOrdinary && (hasLongCut || random.chance(0.5))) disturb(first.pod, from)
  }
  const isTiny = profile === 'tiny'
  const retainMs = isTiny ? random.pick(size.tinyRetainMs) : 600_000
  const limits = {
    maxBytes: isTiny ? 1_048_576 : 67_108_864,
    retainMs,
    maxRuns: isTiny ? random.pick([2, 100]) : 100,
    holders: random.pick([1, 2, 2, 2]),
  }
  const own = actions.filter(({ at }) => at <= faultsEndAt)
  // Draws of its own, so that it leaves the rest of the plan as it is.
  const draws = new Random(seed ^ 0x5c4ed)
  const schedule =
    pods > 1 && draws.chance(0.5)
      ? makeSchedule({ profile, random: draws, pods, from: faultsEndAt, retainMs })
      : { actions: [], endsAt: faultsEndAt }
  return {
    ...plan,
    faultsEndAt: schedule.endsAt,
    runs: { limits, mayEvict: isTiny, forgottenMs: size.forgottenMs(plan.ageMs) },
    actions: [...plan.actions, ...own, ...schedule.actions].sort((a, b) => a.at - b.at),
  }
}
