import { fnv1a } from './fnv1a.ts'
import { isEpoch } from './position.ts'

/** Id of a run, `EPOCH:SEQ`: the epoch of the producer's Pod, and the seq of the start in its log. */
export type RunId = string

/** Length of the epoch, with which a run id begins. */
const EPOCH_LENGTH = 5
/** Length of the check in a chunk's id. */
const CHECK_LENGTH = 3
const RUN_ID = /^([0-9A-Za-z]{5}):([1-9][0-9]{0,15})$/
const CHUNK_ID = /^(0|[1-9a-z][0-9a-z]{0,9})\.([\w-]{3})$/
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
