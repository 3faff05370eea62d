/** An item of a reader of a run. */
export type RunItem =
  | { type: 'chunk'; id: string; index: number; text: string }
  | { type: 'gap'; index: number }
  | { type: 'interrupted' | 'resumed' }
  | RunEnd

export interface RunEnd {
  type: 'end'
  state: string
  reason?: string | undefined
}

/** Number of Pods that held the chunks before `next`, from a time on. */
export interface Held {
  readonly next: number
  readonly pods: number
  readonly at: number
}

/** A run that a Pod of the simulation started, with all that its application did. */
export interface ProducedRun {
  readonly id: string
  readonly name: string
  readonly address: string
  readonly startedAt: number
  readonly texts: string[]
  /** The call that ended it. */
  call: { kind: 'end' | 'fail'; reason: string | undefined } | undefined
  /** The first abort of its signal, with its reason, before or after the call. */
  abort: { reason: string; isBeforeCall: boolean } | undefined
  /** Time of the call, the abort or the death, whichever came first. */
  endedAt: number | undefined
  /** Time at which the process of its producer ended. */
  diedAt: number | undefined
  /**
   * Chunks that other Pods hold, with the number of these Pods: `flush()` has reported it, or the producer's Pod has handed them
   * over.
   */
  held: Held | undefined
  /** The end that a reader got first, `lost` apart. */
  told: RunEnd | undefined
  /** True if its producer's Pod has stopped, and another one has all of it. */
  isHandedOver: boolean
  /** True if its producer's Pod began another incarnation after its end, and so has forgotten it. */
  isForgotten: boolean
  /** The run that takes its place. */
  replacedBy: ProducedRun | undefined
}

export function newRun(id: string, name: string, address: string, startedAt: number): ProducedRun {
  return {
    id,
    name,
    address,
    startedAt,
    texts: [],
    call: undefined,
    abort: undefined,
    endedAt: undefined,
    diedAt: undefined,
    held: undefined,
    told: undefined,
    isHandedOver: false,
    isForgotten: false,
    replacedBy: undefined,
  }
}

/** What one reader of a name received, over all its moves between Pods. */
export interface Reading {
  readonly reader: string
  readonly name: string
  /** The run of the last chunk. */
  run: ProducedRun | undefined
  /** Index of the next chunk. */
  next: number
  /** The index that the last gap told, until the next chunk or end. */
  gapAt: number | undefined
  isInterrupted: boolean
  /** True if its last Pod knew no run, until the next item. */
  isNotFound: boolean
  end: RunEnd | undefined
}

export function newReading(reader: string, name: string): Reading {
  return {
    reader,
    name,
    run: undefined,
    next: 0,
    gapAt: undefined,
    isInterrupted: false,
    isNotFound: false,
    end: undefined,
  }
}

/** A Pod has lost its memory: it crashed, stopped, or stood still for too long. */
export interface MemoryLoss {
  readonly address: string
  readonly at: number
  /** True if it stopped, and nothing kept it from handing over its copies. */
  readonly isHandedOver: boolean
}

/** Number of situations that the readers of a seed met. */
export interface RunCounts {
  runs: number
  chunks: number
  gaps: number
  /** Gaps that left out no chunk, of the run that the reader had. */
  falseGaps: number
  interruptions: number
  lost: number
  /** Readers that changed to another run of the name. */
  changes: number
  resumptions: number
  /** Starts that were accepted for a name with an ended run, and those that were rejected. */
  replacements: number
  rejections: number
  /** Runs that ended because of an older run of their name, of a drain, and of a process pause. */
  superseded: number
  drained: number
  paused: number
  /** Receipts of cancellations, by their outcome. */
  cancelled: number
  notRunning: number
  unreachable: number
  /** Readers that found no run. */
  notFound: number
}

export function noCounts(): RunCounts {
  return {
    runs: 0,
    chunks: 0,
    gaps: 0,
    falseGaps: 0,
    interruptions: 0,
    lost: 0,
    changes: 0,
    resumptions: 0,
    replacements: 0,
    rejections: 0,
    superseded: 0,
    drained: 0,
    paused: 0,
    cancelled: 0,
    notRunning: 0,
    unreachable: 0,
    notFound: 0,
  }
}

/** Whether the incarnation of the producer's Pod has ended, so that other Pods may judge the run as lost. */
export function isGone({ abort, diedAt, isForgotten }: ProducedRun): boolean {
  return diedAt !== undefined || abort?.reason === 'process-paused' || isForgotten
}

/** Whether the run was ended, or can be written no more. */
export function hasEnded({ call, abort, diedAt }: ProducedRun): boolean {
  return call !== undefined || abort !== undefined || diedAt !== undefined
}
