/** Runs between Pods: the section `runLogs` of an exchange's messages, and the request and the answer of the route for runs. */

import { invalid, isDuration, parseJson } from './append-message.ts'
import { validatePeerStreamName } from './names.ts'
import { isEpoch, isSeq } from './position.ts'
import { checkRunEnd, isRunId, type RunEnd, type RunId } from './runs.ts'

/** URL path on the internal port at which Pods ask each other for runs. An older Pod answers 404. */
export const RUNS_URL_PATH = '/api/json/v2/runs'
/** Maximum length of the body of that route's request, in bytes: room for 1,000 names of 256 bytes, each escaped six-fold. */
export const RUNS_REQUEST_MAX_BYTES = 2_097_152
/** Maximum number of names and of ids in one request, and of runs in one answer. */
export const MAX_ASKED = 1_000
/** Maximum number of runs that a peer may want at once. */
export const MAX_WANTS = 65_536

/** The sender lacks the chunks of a run from the index `from` on. */
export type WantedFrom = readonly [id: RunId, from: number]

/** Consecutive chunks of a run, from the index `from` on. */
export interface RunPart {
  id: RunId
  from: number
  chunks: readonly string[]
  /** The source holds no chunk before `from`. */
  floor?: boolean | undefined
  /** Once the source knows it. */
  end?: RunEnd | undefined
}

/** The section of an exchange's message. */
export interface RunLogs {
  want: readonly WantedFrom[]
  unwant: readonly RunId[]
  /** Wanted runs for whose chunks no reader of the sender waits, so that they may gather for a moment. */
  held: readonly RunId[]
  /** Wanted runs for whose chunks a reader waits again. */
  read: readonly RunId[]
  parts: readonly RunPart[]
  /** The sender drains: it is no holder any more. */
  leaving: boolean
}

/** A request of the route for runs. */
export interface RunsRequest {
  /** The sender. */
  epoch: string
  names: readonly string[]
  ids: readonly RunId[]
  /** Asks for all runs after this one, in order of ids; `''`: from the first one on. */
  after: RunId | '' | undefined
  want: readonly WantedFrom[]
  /** Asks the producer to stop this run. */
  cancel: RunId | undefined
  /** The sender drains. */
  leaving: boolean
}

/** Facts that a Pod knows of a run. */
export interface RunSummary {
  id: RunId
  name: string
  /** The ended run of the same name that it takes the place of. */
  replaces?: RunId | undefined
  /** Milliseconds since its start. */
  age: number
  end?: RunEnd | undefined
  /** Milliseconds since its end. */
  endAge?: number | undefined
  /** Milliseconds since the Pod that answers received the last entry of the producer's epoch, unless it has all of the run. */
  silence?: number | undefined
  /** Milliseconds since the Pod that answers found the producer's Pod gone, unless it has all of the run. */
  goneAge?: number | undefined
  /** The chunks that the Pod holds: from `first` to before `next`. Equal where it holds none. */
  first: number
  next: number
}

/** True if the run's signal has aborted. */
export type CancelAnswer = 'cancelled' | 'not-running'

/** The answer to a {@link RunsRequest}. */
export interface RunsAnswer {
  /** The Pod that answers. */
  epoch: string
  runs: readonly RunSummary[]
  parts: readonly RunPart[]
  cancel?: CancelAnswer | undefined
}

/** Encodes the fields of a section that are not empty; undefined where all are. */
export function encodeRunLogs(section: Partial<RunLogs>): string | undefined {
  const { want, unwant, held, read, parts, leaving } = section
  const fields = {
    want: want?.length ? want : undefined,
    unwant: unwant?.length ? unwant : undefined,
    held: held?.length ? held : undefined,
    read: read?.length ? read : undefined,
    parts: parts?.length ? parts : undefined,
    leaving: leaving || undefined,
  }
  const text = JSON.stringify(fields)
  return text === '{}' ? undefined : text
}

/** Returns a section without unknown fields. @throws SserError `invalid-peer-message` */
export function checkRunLogs(value: unknown): RunLogs {
  const { want, unwant, held, read, parts, leaving } = checkObject(value, 'runLogs')
  if (leaving !== undefined && typeof leaving !== 'boolean') throw invalid(' at runLogs.leaving')
  return {
    want: checkList(want, MAX_WANTS, 'runLogs.want', checkWant),
    unwant: checkList(unwant, MAX_WANTS, 'runLogs.unwant', checkId),
    held: checkList(held, MAX_WANTS, 'runLogs.held', checkId),
    read: checkList(read, MAX_WANTS, 'runLogs.read', checkId),
    parts: checkList(parts, MAX_WANTS, 'runLogs.parts', checkPart),
    leaving: leaving === true,
  }
}

export function encodeRunsRequest(request: Partial<RunsRequest> & Pick<RunsRequest, 'epoch'>): string {
  return JSON.stringify({ v: 2, ...request })
}

/** Reads the body of a request. @throws SserError `invalid-peer-message`, naming the first fault */
export function parseRunsRequest(body: string): RunsRequest {
  const { epoch, names, ids, after, want, cancel, leaving } = parseBody(body)
  if (after !== undefined && after !== '' && !isRunId(after)) throw invalid(' at after')
  if (cancel !== undefined && !isRunId(cancel)) throw invalid(' at cancel')
  if (leaving !== undefined && typeof leaving !== 'boolean') throw invalid(' at leaving')
  return {
    epoch: checkEpoch(epoch),
    names: checkList(names, MAX_ASKED, 'names', checkName),
    ids: checkList(ids, MAX_ASKED, 'ids', checkId),
    after,
    want: checkList(want, MAX_WANTS, 'want', checkWant),
    cancel,
    leaving: leaving === true,
  }
}

export function encodeRunsAnswer(answer: RunsAnswer): string {
  return JSON.stringify({ v: 2, ...answer })
}

/** Reads the body of an answer. @throws SserError `invalid-peer-message`, naming the first fault */
export function parseRunsAnswer(body: string): RunsAnswer {
  const { epoch, runs, parts, cancel } = parseBody(body)
  if (cancel !== undefined && cancel !== 'cancelled' && cancel !== 'not-running') throw invalid(' at cancel')
  return {
    epoch: checkEpoch(epoch),
    // A name that is asked for may have several runs.
    runs: checkList(runs, MAX_WANTS, 'runs', checkSummary),
    parts: checkList(parts, MAX_WANTS, 'parts', checkPart),
    cancel,
  }
}

type Check<T> = (value: unknown, path: string) => T

function parseBody(body: string): Record<string, unknown> {
  const fields = checkObject(parseJson(body, 'body'), 'the body')
  if (fields.v !== 2) throw invalid(' at v')
  return fields
}

function checkObject(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(` at ${path}`)
  return value as Record<string, unknown>
}

function checkList<T>(value: unknown, max: number, path: string, check: Check<T>): readonly T[] {
  if (value === undefined) return []
  if (!Array.isArray(value) || value.length > max) throw invalid(` at ${path}`)
  return value.map((item) => check(item, path))
}

function checkEpoch(value: unknown): string {
  if (typeof value !== 'string' || !isEpoch(value)) throw invalid(' at epoch')
  return value
}

function checkName(value: unknown, path: string): string {
  if (typeof value !== 'string' || validatePeerStreamName(value) !== undefined) throw invalid(` at ${path}`)
  return value
}

function checkId(value: unknown, path: string): RunId {
  if (!isRunId(value)) throw invalid(` at ${path}`)
  return value
}

function checkWant(value: unknown, path: string): WantedFrom {
  if (!Array.isArray(value) || value.length !== 2) throw invalid(` at ${path}`)
  const [id, from] = value as unknown[]
  if (!isRunId(id) || !isSeq(from)) throw invalid(` at ${path}`)
  return [id, from]
}

function checkPart(value: unknown, path: string): RunPart {
  const { id, from, chunks, floor, end } = checkObject(value, path)
  if (!isRunId(id)) throw invalid(` at ${path}.id`)
  if (!isSeq(from)) throw invalid(` at ${path}.from`)
  if (!Array.isArray(chunks)) throw invalid(` at ${path}.chunks`)
  for (const chunk of chunks)
    if (typeof chunk !== 'string' || chunk === '') throw invalid(` at ${path}.chunks`)
  if (floor !== undefined && typeof floor !== 'boolean') throw invalid(` at ${path}.floor`)
  const checked = end === undefined ? undefined : checkEnd(end, `${path}.end`)
  if (!isSeq(from + chunks.length) || (checked !== undefined && from + chunks.length > checked.chunks))
    throw invalid(` at ${path}.chunks`)
  return { id, from, chunks, floor, end: checked }
}

function checkEnd(value: unknown, path: string): RunEnd {
  const end = checkRunEnd(value)
  if (end === undefined) throw invalid(` at ${path}`)
  return end
}

function checkSummary(value: unknown, path: string): RunSummary {
  const { id, name, replaces, age, end, endAge, silence, goneAge, first, next } = checkObject(value, path)
  if (!isRunId(id)) throw invalid(` at ${path}.id`)
  if (replaces !== undefined && !isRunId(replaces)) throw invalid(` at ${path}.replaces`)
  if (!isDuration(age)) throw invalid(` at ${path}.age`)
  if (endAge !== undefined && !isDuration(endAge)) throw invalid(` at ${path}.endAge`)
  if (silence !== undefined && !isDuration(silence)) throw invalid(` at ${path}.silence`)
  if (goneAge !== undefined && !isDuration(goneAge)) throw invalid(` at ${path}.goneAge`)
  if ((end === undefined) !== (endAge === undefined)) throw invalid(` at ${path}.end`)
  if (!isSeq(first) || !isSeq(next) || next < first) throw invalid(` at ${path}.next`)
  const checked = end === undefined ? undefined : checkEnd(end, `${path}.end`)
  if (checked !== undefined && next > checked.chunks) throw invalid(` at ${path}.next`)
  return {
    id,
    name: checkName(name, `${path}.name`),
    replaces,
    age,
    end: checked,
    endAge,
    silence,
    goneAge,
    first,
    next,
  }
}
