import type { Action, FaultProfile } from './plan.ts'
import type { Random } from './random.ts'
import type { ReadRun, StartRun } from './run-plan.ts'

/** The end of a plan, where a schedule begins. */
export interface ScheduleOptions {
  profile: FaultProfile
  random: Random
  pods: number
  /** Time at which it begins; all Pods run. */
  from: number
  retainMs: number
}

export interface Schedule {
  actions: readonly Action[]
  endsAt: number
}

/** Time within which Pods that have just started are ready and connected, in milliseconds. */
const READY_MS = 3_500
/** Time after which each Pod knows the end of a run, without faults. */
const KNOWN_MS = 5_200
/** Time between two chunks of a slow run, of which the holders have one before the next is written. */
const SLOW_MS = 400

/**
 * Adds a schedule that needs several actions in one order and within milliseconds, which a plan seldom has by chance. Its runs have
 * names of their own.
 */
export function makeSchedule(options: ScheduleOptions): Schedule {
  const { profile, random, pods, from } = options
  const isFaulty = profile === 'mild' || profile === 'harsh' || profile === 'tiny'
  const begin = isFaulty ? from + READY_MS : from + 1_000
  const { actions, endsAt } = random.pick(schedulesOf(profile))({ ...options, from: begin })
  const restarts = isFaulty
    ? Array.from({ length: pods }, (_, pod): Action => ({ at: from, kind: 'start', pod }))
    : []
  return { actions: [...restarts, ...actions], endsAt }
}

function schedulesOf(profile: FaultProfile): ((options: ScheduleOptions) => Schedule)[] {
  if (profile === 'tiny') return [cutOffAtEnd]
  if (profile === 'mild') return [crashAfterFlush]
  if (profile === 'harsh') return [crashAfterFlush, rollout]
  return profile === 'ordinary' ? [rollout, rollout, replacement] : [replacement]
}

/** The producer crashes within the time that a chunk needs to another Pod, after it has called `flush()`. */
function crashAfterFlush({ random, pods, from }: ScheduleOptions): Schedule {
  const pod = random.int(0, pods - 1)
  const crashAt = from + SLOW_MS * random.int(1, 4) + random.int(1, random.pick([3, 3, 20]))
  const run = start({ pod, name: 'u', chunks: 30, everyMs: SLOW_MS, isFlushing: true })
  return {
    actions: [
      { at: from, ...run },
      { at: crashAt, kind: 'crash', pod },
      { at: crashAt + 1_000, kind: 'start', pod },
    ],
    endsAt: crashAt + 1_000,
  }
}

/** Each Pod is stopped and started, one by one, soon after the one before it has returned; first the producer. */
function rollout({ random, pods, from }: ScheduleOptions): Schedule {
  const first = random.int(0, pods - 1)
  const run = start({
    pod: first,
    name: 'u',
    chunks: random.pick([5, 60]),
    everyMs: 3,
    length: random.pick([0, 20_000]),
    end: random.pick(['end', 'none']),
  })
  const actions: Action[] = [
    { at: from, ...run },
    { at: from + random.int(0, 500), ...read('u', { moves: 8, moveMs: random.pick([50, 1_500]) }) },
  ]
  let at = from + random.int(150, 1_000)
  for (let i = 0; i < pods; i += 1) {
    const pod = (first + i) % pods
    actions.push({ at, kind: 'stop', pod }, { at: at + 50, kind: 'start', pod })
    at += random.pick([300, 700, 1_200, 3_000])
  }
  return { actions, endsAt: at }
}

/** An ended run is replaced by one that ends as well. */
function replacement({ random, pods, from }: ScheduleOptions): Schedule {
  const pod = random.int(0, pods - 1)
  const at = from + KNOWN_MS
  const old = start({ pod, name: 'u', chunks: random.int(1, 5), everyMs: 3 })
  const other = random.chance(0.5) ? pod : random.int(0, pods - 1)
  return {
    actions: [
      { at: from, ...old },
      { at, ...start({ ...old, pod: other, isReplacing: true }) },
      { at: at + random.int(0, 20), ...read('u', { moves: 8, moveMs: 5 }) },
    ],
    endsAt: at + 500,
  }
}

/** A Pod knows the start of a run, and is cut off until all others have forgotten the run, and their logs its end. */
function cutOffAtEnd({ random, pods, from, retainMs }: ScheduleOptions): Schedule {
  const pod = random.int(0, pods - 1)
  const cut = (pod + 1) % pods
  const chunks = random.int(1, 5)
  const endAt = from + chunks * SLOW_MS
  const actions: Action[] = [
    { at: from, ...start({ pod, name: 'u', chunks, everyMs: SLOW_MS }) },
    { at: from + 200, kind: 'partition', from: [cut], ms: endAt - from + retainMs + 1_000, isOneWay: false },
  ]
  for (let i = 0; i < 40; i += 1) actions.push({ at: endAt + i * 20, kind: 'send', pod, stream: 'a' })
  return { actions, endsAt: endAt + retainMs + 1_200 }
}

function start(run: Pick<StartRun, 'pod' | 'name' | 'chunks' | 'everyMs'> & Partial<StartRun>): StartRun {
  return { kind: 'start-run', isReplacing: false, length: 0, end: 'end', isFlushing: false, ...run }
}

function read(name: string, moves: Pick<ReadRun, 'moves' | 'moveMs'>): ReadRun {
  return { kind: 'read-run', reader: `scheduled reader of ${name}`, name, slowMs: 0, ...moves }
}
