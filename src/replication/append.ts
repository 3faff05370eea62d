import type { Target } from '../discovery/peer.ts'
import { SserError } from '../errors.ts'
import { quietly, type Tracing } from '../telemetry/tracing.ts'
import { type PostOptions, post } from '../transport/post.ts'
import { StatusError } from '../transport/status-error.ts'
import type { Answer } from '../transport/transport.ts'
import { isSampled } from '../wire/traceparent.ts'
import { APPEND_MAX_BYTES, APPEND_URL_PATH, type Append, encodeAppend, parseAppend } from '../wire/v2.ts'

/** Traces that one request is linked to: as many as OpenTelemetry keeps. */
const MAX_LINKS = 128

/** How a message is posted, and who follows the events in it. */
export interface AppendOptions extends PostOptions {
  tracing?: Tracing | undefined
}

/** Posts one v2 message and reads the answer; undefined from a peer that does not know v2. */
export async function postAppend(
  target: Target,
  message: Append,
  { tracing, ...options }: AppendOptions,
): Promise<Append | undefined> {
  const ask = () => post(target, APPEND_URL_PATH, encodeAppend(message), APPEND_MAX_BYTES, options)
  const { status, body } = await (tracing === undefined
    ? ask()
    : traceAppend(tracing, target.host, message, ask))
  if (status === 404) return undefined
  if (status !== 200) throw new StatusError(status)
  return parseAppend(body)
}

/** Asks in a span of its own, where any event's trace is sampled. */
async function traceAppend(
  tracing: Tracing,
  peer: string,
  { runs }: Append,
  ask: () => Promise<Answer>,
): Promise<Answer> {
  const traceparents: string[] = []
  let events = 0
  for (const run of runs) {
    for (const { stream, traceparent } of run.events) {
      if (stream !== undefined) events += 1
      if (traceparent === undefined || traceparents.length === MAX_LINKS) continue
      if (isSampled(traceparent)) traceparents.push(traceparent)
    }
  }
  if (traceparents.length === 0) return ask()
  const span = quietly(() => tracing.append({ peer, events, traceparents }))
  try {
    const answer = await ask()
    if (answer.status === 200) quietly(() => span?.end())
    else quietly(() => span?.fail(new SserError('peer-failed', `answered ${answer.status}`)))
    return answer
  } catch (error) {
    quietly(() => span?.fail(error))
    throw error
  }
}
