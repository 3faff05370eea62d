import { ageMs, type Clock } from '../clock.ts'
import {
  type CancelAnswer,
  MAX_ASKED,
  type RunPart,
  type RunSummary,
  type RunsAnswer,
  type RunsRequest,
  type WantedFrom,
} from '../wire/run-messages.ts'
import { producerOf, type RunEnd, type RunId } from '../wire/runs.ts'
import type { RunCopies } from './run-copies.ts'
import type { RunDirectory, RunRecord } from './run-directory.ts'
import { RunFeed } from './run-feed.ts'
import type { RunLiveness } from './run-liveness.ts'

/** Units of chunks in one answer. */
const ANSWER_UNITS = 1_048_576
/** Runs in one answer: some names may have several. */
const MAX_RUNS = 4 * MAX_ASKED

export interface RunAnswersOptions {
  ownEpoch(): string
  directory: RunDirectory
  copies: RunCopies
  clock: Clock
  /** Cancels a run of this Pod. */
  cancel(id: RunId): CancelAnswer
  /** The end of a run of which this Pod has no copy any more; undefined where it may get one. */
  evicted(id: RunId): { from: number; end: RunEnd | undefined } | undefined
  /** Milliseconds since the last entry of the epoch; undefined: this Pod knows nothing of it. */
  silence(epoch: string, now: number): number | undefined
  /** Milliseconds since the Pod with this epoch has gone; undefined: it has not. */
  goneAge(epoch: string, now: number): number | undefined
  /** The sender drains. */
  onLeaving(epoch: string): void
  /** The peer has the chunks of the run before `next`. */
  onHeld(epoch: string, id: RunId, next: number): void
}

/** Answers other Pods that ask for runs. */
export class RunAnswers {
  readonly #options: RunAnswersOptions

  constructor(options: RunAnswersOptions) {
    this.#options = options
  }

  answer({ epoch, names, ids, after, want, cancel, leaving }: RunsRequest): RunsAnswer {
    if (leaving) this.#options.onLeaving(epoch)
    const { directory, ownEpoch } = this.#options
    const records = new Set<RunRecord>()
    for (const id of ids) {
      const record = directory.get(id)
      if (record !== undefined) records.add(record)
    }
    const add = (record: RunRecord | undefined) => {
      if (record !== undefined && !record.isForgotten) records.add(record)
    }
    // First the run of each name, because a few names may have thousands of others.
    for (const name of names) add(directory.resolve(name))
    for (const name of names) for (const record of directory.named(name)) add(record)
    if (after !== undefined) for (const record of directory.after(after, MAX_ASKED)) records.add(record)
    const isOwn = cancel !== undefined && producerOf(cancel) === ownEpoch()
    return {
      epoch: ownEpoch(),
      runs: Array.from(records)
        .slice(0, MAX_RUNS)
        .map((record) => this.#summary(record)),
      parts: this.#parts(epoch, want),
      cancel: isOwn ? this.#options.cancel(cancel) : undefined,
    }
  }

  #summary(record: RunRecord): RunSummary {
    const { copies } = this.#options
    const { id, epoch, name, replaces, startedAt, end, endedAt } = record
    const now = this.#options.clock.now()
    const copy = copies.get(id)
    const age = ageMs(startedAt, now)
    const endAge = end && ageMs(endedAt ?? startedAt, now)
    const facts = { id, name, replaces, age, end, endAge, first: copy?.first ?? 0, next: copy?.next ?? 0 }
    // Where all chunks are here, it does not matter whether the producer lives.
    if (end !== undefined && facts.next >= end.chunks) return facts
    const { silence, goneAge } = this.#options
    return { ...facts, silence: silence(epoch, now), goneAge: goneAge(epoch, now) }
  }

  #parts(epoch: string, wants: readonly WantedFrom[]): readonly RunPart[] {
    if (wants.length === 0) return []
    const { clock, copies, evicted, onHeld } = this.#options
    const feed = new RunFeed({ clock, copy: (id) => copies.get(id), evicted }, () => {})
    for (const [id, from] of wants) {
      onHeld(epoch, id, from)
      feed.want(id, from)
    }
    const parts = feed.next(ANSWER_UNITS)
    feed.close()
    return parts
  }
}

/** Takes what a peer has told of runs of other Pods. */
export function learnRuns(
  runs: LearningRuns,
  peers: LearningPeers,
  found: readonly RunSummary[],
  now: number,
): void {
  for (const { id, name, replaces, age, end, endAge = 0, silence, goneAge, next } of found) {
    if (runs.isOwn(id)) continue
    const epoch = producerOf(id)
    const { directory, producers } = runs
    directory.onFacts({ id, epoch, name, replaces, startedAt: now - age, end, endedAt: now - endAge, next })
    const record = directory.get(id)
    if (record === undefined || record.end !== undefined) continue
    if (silence !== undefined) producers.onTold(epoch, now - silence)
    if (goneAge !== undefined) peers.onTold(epoch, now - goneAge)
  }
}

interface LearningRuns {
  readonly directory: RunDirectory
  readonly producers: RunLiveness
  isOwn(id: RunId): boolean
}

interface LearningPeers {
  /** A peer has told since when the Pod with this epoch has gone. */
  onTold(epoch: string, goneAt: number): void
}
