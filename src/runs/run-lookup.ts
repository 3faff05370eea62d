import type { Clock } from '../clock.ts'
import { describeValue, SserError } from '../errors.ts'
import { isRunId, parseChunkId, runCheck } from '../wire/runs.ts'
import type { RunDirectory, RunRecord } from './run-directory.ts'
import type { RunPeers } from './run-peers.ts'
import { MAX_RUNS_OF_NAME } from './runs-of-name.ts'

/** Time for which a header may be on its way from another Pod, in milliseconds. */
const HEADER_WAIT_MS = 2_000
/** The part of it before the peers are asked, because most headers on their way arrive in it, and there may be many peers. */
const ASK_AFTER_MS = 20

/** Where a reader is to begin. */
export interface RunStart {
  /** After the chunk with this id. */
  readonly after: string | undefined
  /** With the first chunk, or the next one that is written. */
  readonly from: 'start' | 'now'
}

/** The run of a reader, and its start in it. */
export interface FoundRun {
  readonly record: RunRecord
  /** Index of the reader's first chunk. */
  readonly from: number
  /** True if the reader's id is of another run, or no id. */
  readonly hasGap: boolean
}

export interface LookupOptions {
  directory: RunDirectory
  peers: Pick<RunPeers, 'ask'>
  clock: Clock
  name: string
  /** Id of the reader's last chunk. */
  after: string | undefined
  signal: AbortSignal | undefined
}

/**
 * Finds the run for a reader. A name that this Pod does not know, and an id of a run that it does not know, may be of a header
 * on its way: it asks the peers, and waits. Undefined: there is no such run.
 */
export async function lookUp(options: LookupOptions): Promise<FoundRun | undefined> {
  const { directory, peers, clock, name, signal } = options
  const known = matchRun(options)
  if (known !== undefined || signal?.aborted) return known
  const cancelQuestion = clock.after(ASK_AFTER_MS, () => void peers.ask({ names: [name] }))
  await nextMatch(options)
  cancelQuestion()
  const found = matchRun(options)
  if (found !== undefined) return found
  const record = directory.resolve(name)
  return record && { record, from: 0, hasGap: true }
}

/** Finds the run among those that this Pod knows; undefined where a header may be on its way. */
export function matchRun({
  directory,
  name,
  after,
}: Pick<LookupOptions, 'directory' | 'name' | 'after'>): FoundRun | undefined {
  const record = directory.resolve(name)
  if (record === undefined) return undefined
  if (after === undefined) return { record, from: 0, hasGap: false }
  const id = parseChunkId(after)
  if (id?.check === runCheck(record.id)) return { record, from: id.index + 1, hasGap: false }
  const isKnown = id === undefined || directory.hasCheck(name, id.check)
  return isKnown ? { record, from: 0, hasGap: true } : undefined
}

/** Resolves when there is a match, after {@link HEADER_WAIT_MS}, or when the signal aborts. */
function nextMatch(options: LookupOptions): Promise<void> {
  const { directory, clock, name, signal } = options
  return new Promise((resolve) => {
    const done = () => {
      cancel()
      unwatch()
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const unwatch = directory.watch(name, () => {
      if (matchRun(options) !== undefined) done()
    })
    const cancel = clock.after(HEADER_WAIT_MS, done)
    signal?.addEventListener('abort', done, { once: true })
  })
}

/** The error for a name to which no run belongs. */
export function runNotFound(name: string): SserError {
  return new SserError(
    'run-not-found',
    `No Pod knows a run ${describeValue(name)}, after a wait of ${HEADER_WAIT_MS / 1_000} seconds: it was not started, or ended longer ago than runs.retainMs${isRunId(name) ? '; this is the id of a run: pass its name' : ''}`,
  )
}

/** The error for a start of a name that belongs to a run in this state. */
export function runExists(name: string, state: string, isOver: boolean): SserError {
  const fix = isOver ? 'pass { replace: true } to start it again' : 'read it by readRun(), or cancel it first'
  return new SserError('run-exists', `The run ${describeValue(name)} exists (${state}): ${fix}`)
}

/** The error for a start where there are too many runs: of the name, or on this Pod. */
export function tooManyRuns(
  name: string,
  isOfName: boolean,
  { maxRuns, retainMs }: { maxRuns: number; retainMs: number },
): SserError {
  const message = isOfName
    ? `The name ${describeValue(name)} has had ${MAX_RUNS_OF_NAME} runs in the last ${retainMs} ms (runs.retainMs): use a new name for each run`
    : `This Pod writes ${maxRuns} runs: see the option runs.maxRuns`
  return new SserError('too-many-runs', message)
}
