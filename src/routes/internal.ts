import { type Context, Hono } from 'hono'
import { SserError } from '../errors.ts'
import type { Faults } from '../faults.ts'
import { TARGET_HEADER } from '../mesh/peer.ts'
import { readBody } from '../wire/body.ts'
import { PEER_ENDPOINT_URL_PATH, parseV1, type V1Event } from '../wire/v1.ts'
import { APPEND_MAX_BYTES, APPEND_URL_PATH, type Append, parseAppend, printAppend } from '../wire/v2.ts'

export interface InternalOptions {
  faults: Faults
  /** The longest v1 body, in bytes. */
  v1MaxBytes: number
  isStopped(): boolean
  /** Whether a request is meant for this Pod that names the Pod with that UID; undefined: it cannot be told yet. */
  isFor(uid: string): boolean | undefined
  receive(message: Append): Append
  receiveV1(event: V1Event): void
}

/** The internal sub-app: what peers post. */
export function internalRoutes(options: InternalOptions): Hono {
  const { faults, v1MaxBytes, isStopped, isFor, receive, receiveV1 } = options
  /** Runs `take`, and turns what it throws into an answer. */
  const guard = async (
    c: Context,
    take: () => Promise<Response>,
    invalid: (error: SserError) => Response,
  ) => {
    if (isStopped()) return c.text('stopped\n', 503)
    const uid = c.req.header(TARGET_HEADER)
    const isMeant = uid === undefined || isFor(uid)
    if (isMeant === undefined) return c.text('starting\n', 503)
    if (!isMeant) return c.text('meant for another Pod\n', 421)
    try {
      return await take()
    } catch (cause) {
      // What is not ours to name is a body that broke off: the answer will not be read.
      const error =
        cause instanceof SserError ? cause : new SserError('invalid-append', 'The body broke off', { cause })
      faults.reject(error.code)
      faults.report(error, { stage: 'receive' })
      const isTooLarge = error.code === 'body-too-large' || error.code === 'message-too-large'
      // What is left of the body is not read; the connection cannot be used again.
      return isTooLarge ? c.text(`${error.message}\n`, 413, { connection: 'close' }) : invalid(error)
    }
  }
  return new Hono()
    .post(PEER_ENDPOINT_URL_PATH, (c) =>
      guard(
        c,
        async () => {
          receiveV1(parseV1(await readBody(c.req.raw, v1MaxBytes)))
          // Go opens a new connection for the next message unless the answer says that it has no body.
          return c.body(null, 200, { 'content-length': '0' })
        },
        () => c.text('invalid JSON\n', 400),
      ),
    )
    .post(APPEND_URL_PATH, (c) =>
      guard(
        c,
        async () => {
          const answer = receive(parseAppend(await readBody(c.req.raw, APPEND_MAX_BYTES)))
          return c.body(printAppend(answer), 200, { 'content-type': 'application/json' })
        },
        ({ code, message }) => c.json({ code, message }, 400),
      ),
    )
}
