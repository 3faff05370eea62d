import { validatePeerStreamName } from './names.ts'
import { fnv1a, isEpoch, isSeq } from './position.ts'

/** Id of a run, `EPOCH:SEQ`: the epoch of the producer's Pod, and the seq of the start in its log. */
export type RunId = string

/** Length of the epoch, with which a run id begins. */
const EPOCH_LENGTH = 5
/** Length of the check in a chunk's id. */
const CHECK_LENGTH = 3
const RUN_ID = /^([0-9A-Za-z]{5}):([1-9][0-9]{0,15})$/
const CHUNK_ID = /^(0|[1-9a-z][0-9a-z]{0,9})\.([\w-]{3})$/
const END_ID = /^(0|[1-9a-z][0-9a-z]{0,9})\.([\w-]{3})\.(end|lost)$/
const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

export function formatRunId(epoch: string, seq: number): RunId {
  return `${epoch}:${seq}`
}

/** Parses a run id; undefined where the text is none. */
export function parseRunId(text: string): { epoch: string; seq: number } | undefined {
  const [, epoch, digits] = RUN_ID.exec(text) ?? []
  if (epoch === undefined || !isEpoch(epoch)) return undefined
  const seq = Number(digits)
  return Number.isSafeInteger(seq) ? { epoch, seq } : undefined
}

/** Returns whether the value is a run id. */
export function isRunId(value: unknown): value is RunId {
  return typeof value === 'string' && parseRunId(value) !== undefined
}

/** The epoch of the Pod that writes the run. */
export function producerOf(id: RunId): string {
  return id.slice(0, EPOCH_LENGTH)
}

/** Orders run ids by epoch, as text, and then by seq; negative where `a` is the smaller one. */
export function compareRunIds(a: RunId, b: RunId): number {
  const [epochA, epochB] = [producerOf(a), producerOf(b)]
  if (epochA !== epochB) return epochA < epochB ? -1 : 1
  return Number(a.slice(EPOCH_LENGTH + 1)) - Number(b.slice(EPOCH_LENGTH + 1))
}

/** Three characters that tell the chunks of one run from those of another. */
export function runCheck(id: RunId): string {
  let hash = fnv1a(id)
  // The low bits of FNV-1a alone differ too little between seqs that follow each other.
  hash ^= hash >>> 15
  let check = ''
  for (let i = 0; i < CHECK_LENGTH; i += 1) check += BASE64URL[(hash >>> (6 * i)) & 63]
  return check
}

/** Formats the id of a chunk: its index, and the {@link runCheck} of its run. */
export function formatChunkId(index: number, check: string): string {
  return `${index.toString(36)}.${check}`
}

/** Parses the id of a chunk; undefined where the text is none. */
export function parseChunkId(text: string): { index: number; check: string } | undefined {
  const [, digits, check] = CHUNK_ID.exec(text) ?? []
  if (digits === undefined || check === undefined) return undefined
  return { index: Number.parseInt(digits, 36), check }
}

/** The id of a client that was told the end of a run: its next request is answered 204, whether or not the run has chunks. */
export interface EndId {
  /** Number of chunks before the end. */
  next: number
  /** Three characters that each id of the run's chunks ends with. */
  check: string
  /** True if the client was told that the run is lost, which another Pod may know better. */
  isLost: boolean
}

/** Formats the id of the last block: `1a.x7Q.end`. */
export function formatEndId({ next, check, isLost }: EndId): string {
  return `${next.toString(36)}.${check}.${isLost ? 'lost' : 'end'}`
}

/** Parses the id of the last block; undefined where the text is none. */
export function parseEndId(text: string): EndId | undefined {
  const [, digits, check, state] = END_ID.exec(text) ?? []
  if (digits === undefined || check === undefined) return undefined
  return { next: Number.parseInt(digits, 36), check, isLost: state === 'lost' }
}

/** Maximum length of the reason of an end, in UTF-16 units. */
export const MAX_REASON_LENGTH = 200

/** How a run has ended, by its producer's word. */
export type RunEndState = 'ended' | 'failed' | 'cancelled'

/** The end of a run. */
export interface RunEnd {
  readonly state: RunEndState
  /** Reason that readers are told. */
  readonly reason?: string | undefined
  /** Number of its chunks. */
  readonly chunks: number
}

/** A run begins; its id has the epoch and the seq of the entry. */
interface RunStartHeader {
  /** Name of the run. */
  readonly start: string
  /** The run of this name that it replaces. */
  readonly replaces?: RunId | undefined
}

/** The run ends that started at the seq `end` of the entry's epoch. */
interface RunEndHeader extends RunEnd {
  readonly end: number
}

/** A Pod asks the producer to stop the run. */
interface RunCancelHeader {
  readonly cancel: RunId
}

/** Content of an entry of the log that is no event: the start, the end, or a cancellation of a run. */
export type RunHeader = RunStartHeader | RunEndHeader | RunCancelHeader

const END_STATES: readonly unknown[] = ['ended', 'failed', 'cancelled'] satisfies RunEndState[]

/** Returns the header of a peer without unknown fields; undefined where this version does not know such a header. */
export function checkRunHeader(value: unknown): RunHeader | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const header = value as { start?: unknown; replaces?: unknown; end?: unknown; cancel?: unknown }
  if (header.start !== undefined) return checkStart(header.start, header.replaces)
  if (header.cancel !== undefined) return isRunId(header.cancel) ? { cancel: header.cancel } : undefined
  const end = checkRunEnd(value)
  return end !== undefined && isSeq(header.end) && header.end > 0 ? { end: header.end, ...end } : undefined
}

/** Returns the end of a run without unknown fields; undefined where it is not valid. */
export function checkRunEnd(value: unknown): RunEnd | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { state, reason, chunks } = value as RunEnd
  if (!END_STATES.includes(state) || !isSeq(chunks)) return undefined
  if (reason === undefined) return { state, chunks }
  return typeof reason === 'string' && reason.length <= MAX_REASON_LENGTH
    ? { state, reason, chunks }
    : undefined
}

/** Returns whether the headers say the same. */
export function isSameHeader(a: RunHeader, b: RunHeader): boolean {
  if ('start' in a) return 'start' in b && a.start === b.start && a.replaces === b.replaces
  if ('cancel' in a) return 'cancel' in b && a.cancel === b.cancel
  return 'end' in b && a.end === b.end && isSameEnd(a, b)
}

/** Returns whether the ends say the same. */
export function isSameEnd(a: RunEnd, b: RunEnd): boolean {
  return a.state === b.state && a.reason === b.reason && a.chunks === b.chunks
}

/** Approximate memory of the texts of a header, in bytes. */
export function headerBytes(header: RunHeader): number {
  if ('start' in header) return header.start.length + (header.replaces?.length ?? 0)
  return 'cancel' in header ? header.cancel.length : (header.reason?.length ?? 0)
}

function checkStart(start: unknown, replaces: unknown): RunStartHeader | undefined {
  if (typeof start !== 'string' || validatePeerStreamName(start) !== undefined) return undefined
  if (replaces === undefined) return { start }
  return isRunId(replaces) ? { start, replaces } : undefined
}
