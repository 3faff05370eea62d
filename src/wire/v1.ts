/** The Go package's peer wire: one event per POST, without an id. It is fixed. */
import * as v from 'valibot'
import { SserError } from '../errors.ts'
import { peerStreamNameFault } from './names.ts'

/** Where a Pod takes one event by POST, on its internal port. */
export const PEER_ENDPOINT_URL_PATH = '/api/json/v1/send'
/** The query parameter that names the stream. */
export const QUERY_PARAMETER_NAME = 'stream'

/** What a Go Pod sends. */
export interface V1Event {
  stream: string
  msg: string
}

const schema = v.object({ stream: v.string(), msg: v.pipe(v.string(), v.nonEmpty()) })

export function printV1({ stream, msg }: V1Event): string {
  return JSON.stringify({ stream, msg })
}

/** Reads a v1 body; throws `invalid-append` where a Go Pod would have sent nothing of the kind. */
export function parseV1(body: string): V1Event {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch (cause) {
    throw new SserError('invalid-append', 'invalid JSON', { cause })
  }
  const event = v.safeParse(schema, value)
  if (!event.success) throw new SserError('invalid-append', 'invalid JSON')
  const fault = peerStreamNameFault(event.output.stream)
  if (fault !== undefined) throw fault
  return { stream: event.output.stream, msg: event.output.msg.toWellFormed() }
}
