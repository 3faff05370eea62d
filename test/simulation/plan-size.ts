type Range = readonly [low: number, high: number]

/** How large a plan is, whatever its faults. Maximum numbers, unless they are ranges. */
export interface PlanSize {
  pods: number
  /** In one of ten plans. */
  manyPods: number
  clients: number
  /** Duration of the faults, in milliseconds. */
  faultsMs: Range
  /** The same of a long plan, in ages of the log. */
  longAges: number
  /** Profiles of which some plans are long: longer than the log remembers. */
  isLong(profile: string): boolean
  bursts: number
  longBursts: number
  /** Log, number of bursts, and length of a burst in events, where one stream takes more than the log. */
  crowdedLogBytes: number
  crowdedBursts: Range
  crowdedBurst: Range
  /** Whether a fleet is updated to each version, and not to one. */
  updatesAll: boolean
  runs: RunsSize
}

interface RunsSize {
  /** Numbers of names, of which each plan takes one, and of chunks, of which each run takes one. */
  names: readonly number[]
  chunks: readonly number[]
  /** Length of a large chunk, of which a run fills more than the memory for runs. */
  largeChunk: number
  /** Times for which these keep an ended run, in milliseconds. */
  tinyRetainMs: readonly number[]
  /** Duration of a cut after which a producer is lost, in milliseconds. */
  longCutMs(logMaxAgeMs: number): number
  /** Time after which the headers of dead producers are forgotten, in milliseconds. */
  forgottenMs(logMaxAgeMs: number): number
}

export const NORMAL: PlanSize = {
  pods: 4,
  manyPods: 8,
  clients: 6,
  faultsMs: [3_000, 8_000],
  longAges: 12,
  isLong: () => true,
  bursts: 10,
  longBursts: 24,
  crowdedLogBytes: 65_536,
  crowdedBursts: [4, 8],
  crowdedBurst: [20, 80],
  updatesAll: true,
  runs: {
    names: [1, 1, 2, 3],
    chunks: [0, 1, 5, 30, 30, 120],
    largeChunk: 20_000,
    tinyRetainMs: [2_000, 10_000],
    longCutMs: () => 62_000,
    forgottenMs: () => 20_000,
  },
}

/** A plan that costs a fraction of a normal one, and has every kind of fault. */
export const SHORT: PlanSize = {
  pods: 3,
  manyPods: 4,
  clients: 3,
  faultsMs: [2_000, 5_000],
  longAges: 6,
  // A tiny log remembers two seconds.
  isLong: (profile) => profile === 'tiny',
  bursts: 6,
  longBursts: 8,
  // The quiet events of a plan must take less than an equal share of it.
  crowdedLogBytes: 32_768,
  crowdedBursts: [2, 4],
  crowdedBurst: [25, 60],
  updatesAll: false,
  runs: {
    names: [1, 1, 1, 2],
    chunks: [0, 1, 5, 30],
    largeChunk: 50_000,
    tinyRetainMs: [2_000],
    // The producer is lost after 2.5 ages, but after 60 s at most.
    longCutMs: (logMaxAgeMs) => Math.min(60_000, 2.5 * logMaxAgeMs) + 2_000,
    forgottenMs: (logMaxAgeMs) => 5_000 + 3.75 * logMaxAgeMs,
  },
}
