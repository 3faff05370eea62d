/** The messages of an exchange, in which two Pods keep one request and its response open. */

import { checkRanges, checkSeqs, type EntryRange, invalid, isDuration, parseJson } from './append-message.ts'
import { isEpoch, isSeq, type Position } from './position.ts'
import { checkRunLogs, type RunLogs } from './run-messages.ts'

/** A sender stops filling a message here, in bytes before JSON's escapes, so that messages take turns. */
export const EXCHANGE_TARGET_BYTES = 65_536

/** One message of an exchange. */
export interface ExchangeMessage {
  /** The sender. In the first message of a direction alone. */
  epoch?: string | undefined
  /** Milliseconds since the exchange began, on the sender's clock. */
  at: number
  /** The sender's whole position. */
  position?: Position | undefined
  /** The entries that the receiver lacks. */
  runs?: readonly EntryRange[] | undefined
  /** Parts of runs, and wants of them; `true`, in the first message of a direction alone: the sender knows runs. */
  runLogs?: RunLogs | true | undefined
  /** Number of messages with `runs` or a section of `runLogs` that the sender has received in this exchange. */
  taken?: number | undefined
  /** The sender's seq of each epoch in the runs that it received since its last message. */
  acks?: Position | undefined
  /** True if the receiver is to send its whole position. */
  ask?: boolean | undefined
  /** True if nothing waits for the acknowledgement of the entries. */
  delay?: boolean | undefined
}

/** The parts of a message as JSON texts, because many peers are sent the same runs and the same position. */
export interface MessageParts {
  at: number
  /** Fields, encoded by {@link encodePosition}, {@link encodeAcks} and the like. */
  fields: string
  /** Encoded runs. */
  runs: string | undefined
  /** The encoded section `runLogs`. */
  runLogs?: string | undefined
}

/** Encodes the first message of a direction. */
export function encodeFirstMessage(epoch: string, at: number, position: Position): string {
  return `{"v":2,"epoch":"${epoch}","at":${at},${encodePosition(position)},"runLogs":true}`
}

/** Encodes every later message. */
export function encodeMessage({ at, fields, runs, runLogs }: MessageParts): string {
  let text = `{"at":${at}`
  if (fields !== '') text += `,${fields}`
  if (runs !== undefined) text += `,"runs":[${runs}]`
  if (runLogs !== undefined) text += `,"runLogs":${runLogs}`
  return `${text}}`
}

export function encodePosition(position: Position): string {
  return `"position":${encodeSeqs(position)}`
}

/** Encodes the acknowledgement of `taken` messages, and the seq of each epoch in them. */
export function encodeAcks(taken: number, acks: Position): string {
  return `"taken":${taken},"acks":${encodeSeqs(acks)}`
}

export const ASK = '"ask":true'
export const DELAY = '"delay":true'

/** Epochs need no escapes. */
function encodeSeqs(seqs: Position): string {
  let text = ''
  for (const [epoch, seq] of seqs) text += `${text === '' ? '{' : ','}"${epoch}":${seq}`
  return text === '' ? '{}' : `${text}}`
}

/** Parses a message of an exchange. @throws SserError `invalid-peer-message`, naming the first fault */
export function parseExchangeMessage(text: string): ExchangeMessage {
  const value = parseJson(text, 'message')
  if (typeof value !== 'object' || value === null) throw invalid(': not an object')
  const message = value as Record<string, unknown>
  const { epoch, at, position, runs, runLogs, taken, acks, ask, delay } = message
  if (!isDuration(at)) throw invalid(' at at')
  if (epoch !== undefined && (typeof epoch !== 'string' || !isEpoch(epoch))) throw invalid(' at epoch')
  if (epoch !== undefined && message.v !== 2) throw invalid(' at v')
  if (taken !== undefined && !isSeq(taken)) throw invalid(' at taken')
  if (ask !== undefined && typeof ask !== 'boolean') throw invalid(' at ask')
  if (delay !== undefined && typeof delay !== 'boolean') throw invalid(' at delay')
  return {
    epoch,
    at,
    position: position === undefined ? undefined : checkSeqs(position, 'position'),
    runs: runs === undefined ? undefined : checkRanges(runs),
    runLogs: runLogs === undefined || runLogs === true ? runLogs : checkRunLogs(runLogs),
    taken,
    acks: acks === undefined ? undefined : checkSeqs(acks, 'acks'),
    ask,
    delay,
  }
}
