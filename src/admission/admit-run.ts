import type { Requested } from '../authorize.ts'
import { watchClient } from '../http/fetch-handler.ts'
import { RunConnection } from '../runs/run-connection.ts'
import { type FoundRun, matchRun, type RunStart } from '../runs/run-lookup.ts'
import type { Runs } from '../runs/runs.ts'
import { type EndId, formatChunkId, parseChunkId, parseEndId, runCheck } from '../wire/runs.ts'
import { frameFormat, type GapReason, type StartPoint } from '../wire/sse-frame.ts'
import { type AdmissionOptions, type Admitted, type ConnectionRequest, capture, openBody } from './admit.ts'
import type { CheckedGrant } from './authorization.ts'

/** One valid request for a run. */
export interface RunRequest extends ConnectionRequest {
  run: string
  /** Where the connection begins if there is no `lastEventId`. */
  from: 'start' | 'now'
  /** Calls the option `authorize`, where there is one. */
  authorize: ((asked: Requested) => Promise<CheckedGrant>) | undefined
}

/** `at-end`: the client has the whole run. Undefined where this Pod is not ready, or drains. */
export type RunAdmission = Admitted | 'at-end' | undefined

const EVERYTHING: CheckedGrant = { streams: [], tags: [], maxAgeMs: undefined }

/**
 * Admits a request for a run, as `admit()` does for streams. The capacity stays reserved while the header of the run may be on
 * its way, and the client waits for it.
 * @throws SserError where a limit is reached, or no Pod knows the run. Rejects with the error of `authorize`.
 */
export async function admitRun(options: AdmissionOptions, asked: RunRequest): Promise<RunAdmission> {
  const captured = capture(options, asked, EVERYTHING.streams)
  let admitted: RunAdmission
  try {
    const granted = (await asked.authorize?.({ run: asked.run })) ?? EVERYTHING
    const { runs } = captured.incarnation
    const found = options.isReady() ? await find(runs, asked) : undefined
    // A reader belongs to the incarnation that has found the run.
    const isCurrent = options.membership.current() === captured.incarnation && options.isReady()
    if (found === 'at-end') admitted = found
    else if (found !== undefined && isCurrent)
      admitted = openBody(options, asked, granted, captured, ({ hub, context }, grant) => {
        const format = frameFormat(asked.dialect)
        const { lastEventId } = asked
        const start: StartPoint = lastEventId === undefined ? 'now' : 'id'
        const gap = gapOf(found, lastEventId)
        return {
          connect: (sink) =>
            new RunConnection({
              sink,
              context,
              grant,
              reader: runs.read(found),
              frames: runs.frames,
              format,
              start,
              gap,
              onNews: (connection) => hub.wake(connection),
            }),
          format,
          asksLog: lastEventId !== undefined,
          isGap: found.hasGap,
        }
      })
    return admitted
  } finally {
    if (typeof admitted !== 'object') captured.reservation.release()
  }
}

/** Finds the run, where the client lacks something of it; undefined: the client has gone before that. */
async function find(runs: Runs, asked: RunRequest): Promise<FoundRun | 'at-end' | undefined> {
  const { run, lastEventId, from, dialect } = asked
  const told = lastEventId === undefined ? undefined : parseEndId(lastEventId)
  // Its client knows the end of a run that no Pod keeps any longer, or whose header is on its way.
  if (told?.isLost === false && runs.resolve(run) === undefined) return 'at-end'
  const after = told === undefined ? lastEventId : chunkBefore(told)
  const start: RunStart = { after, from: told === undefined ? from : 'start' }
  const isKnown = matchRun({ directory: runs.directory, name: run, after }) !== undefined
  const found = isKnown ? await runs.find(run, start) : await findWhileConnected(runs, start, asked)
  return found !== undefined && isAtEnd(runs, found, told, dialect === 'plain') ? 'at-end' : found
}

/** Waits for the run no longer than the client does. */
async function findWhileConnected(
  runs: Runs,
  start: RunStart,
  { request, env, run }: RunRequest,
): Promise<FoundRun | undefined> {
  const client = watchClient(request, env)
  try {
    return await runs.find(run, start, client.signal)
  } catch (error) {
    if (client.signal.aborted) return undefined
    throw error
  } finally {
    client.stop()
  }
}

function chunkBefore({ next, check }: EndId): string | undefined {
  return next === 0 ? undefined : formatChunkId(next - 1, check)
}

/** Returns whether the client has the whole run. A client in the plain dialect is not told the end, so its last chunk counts. */
function isAtEnd(runs: Runs, found: FoundRun, told: EndId | undefined, isPlain: boolean): boolean {
  const { record, from } = found
  const knowsEnd = told !== undefined && told.check === runCheck(record.id)
  if (knowsEnd && !told.isLost) return true
  if (!knowsEnd && !isPlain) return false
  const { id, end } = record
  if (end !== undefined) return isPlain && from >= end.chunks
  const isLost = runs.liveness(record) === 'lost' && runs.hasAll(id)
  return isLost && from >= runs.chunksOf(record)
}

function gapOf({ hasGap }: FoundRun, lastEventId: string | undefined): GapReason | undefined {
  if (!hasGap || lastEventId === undefined) return undefined
  const isId = parseChunkId(lastEventId) !== undefined || parseEndId(lastEventId) !== undefined
  return isId ? 'unknown-id' : 'invalid-id'
}
