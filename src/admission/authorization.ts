import type { Context } from 'hono'
import type { Authorize, Decision, Grant, Requested } from '../authorize.ts'
import { type Clock, isUnixMs, UNIX_MS, withTimeout } from '../clock.ts'
import { describeValue, SserError } from '../errors.ts'
import { isTags, TAGS, validateStreamName } from '../wire/names.ts'

const DECISIONS = "'allow', 'deny', 'stop' or { streams, expiresAt, tags }"

export interface AuthorizeOptions {
  authorize: Authorize
  authorizeTimeoutMs: number
  maxStreamsPerConnection: number
  clock: Clock
}

/** A validated decision of `authorize` that lets the client in. */
export interface CheckedGrant {
  /** Empty for a run. */
  streams: readonly string[]
  tags: readonly string[]
  /** How long the connection may last, in milliseconds; undefined: no limit. */
  maxAgeMs: number | undefined
}

/**
 * Calls the option `authorize` once and validates its decision.
 * @throws SserError `forbidden`, `blocked`, or `authorization-failed`, where `authorize` throws, is late or returns an
 * invalid decision; the HTTPException that `authorize` throws.
 */
export async function runAuthorize(
  options: AuthorizeOptions,
  c: Context,
  asked: Requested,
): Promise<CheckedGrant> {
  const { authorizeTimeoutMs, clock } = options
  try {
    const call = async () => options.authorize(c, asked)
    const late = () => failure(`did not settle within authorizeTimeoutMs, ${authorizeTimeoutMs} ms`)
    const decision = await withTimeout(clock, authorizeTimeoutMs, call, late)
    return checkDecision(decision, asked, options.maxStreamsPerConnection)
  } catch (cause) {
    if (cause instanceof SserError ? isOwn(cause) : isHttpException(cause)) throw cause
    throw failure('threw', { cause })
  }
}

function isOwn({ code }: SserError): boolean {
  return code === 'forbidden' || code === 'blocked' || code === 'authorization-failed'
}

function failure(text: string, options?: { cause: unknown }): SserError {
  return new SserError('authorization-failed', `Option "authorize": the function ${text}`, options)
}

/** Checks the shape, because an app in CommonJS or with its own install of Hono has another class of that name. */
function isHttpException(error: unknown): boolean {
  return error instanceof Error && 'getResponse' in error && typeof error.getResponse === 'function'
}

function checkDecision(decision: Decision, asked: Requested, maxStreams: number): CheckedGrant {
  const requested = asked.streams ?? []
  if (decision === 'allow') return { streams: requested, tags: [], maxAgeMs: undefined }
  if (decision === 'deny') throw new SserError('forbidden', 'You may not listen on this')
  if (decision === 'stop') throw new SserError('blocked', 'You may not come back')
  if (!isGrant(decision)) throw failure(`returned ${describeValue(decision)}, expected ${DECISIONS}`)
  const { streams = requested, expiresAt, tags = [], ...rest } = decision
  const unknown = Object.keys(rest)[0]
  if (unknown !== undefined)
    throw failure(`returned an object with the key "${unknown}", expected ${DECISIONS}`)
  if (asked.run !== undefined && decision.streams !== undefined)
    throw failure('returned streams for a run, expected { expiresAt, tags }')
  const isNames = Array.isArray(streams) && streams.length <= maxStreams && streams.every(isStreamName)
  if (!isNames)
    throw failure(
      `returned streams: ${describeValue(streams)}, expected at most ${maxStreams} stream names (maxStreamsPerConnection)`,
    )
  if (!isTags(tags)) throw failure(`returned tags: ${describeValue(tags)}, expected ${TAGS}`)
  const maxAgeMs = ageUntil(expiresAt)
  const isEmpty = asked.run === undefined && streams.length === 0
  if (isEmpty || (maxAgeMs !== undefined && maxAgeMs <= 0))
    throw new SserError('forbidden', 'You may not listen on this')
  return { streams: [...new Set(streams)], tags: distinctTags(tags), maxAgeMs }
}

/** `disconnect()` sends tags in this form: otherwise a tag with a lone surrogate would never match. */
export function distinctTags(tags: readonly string[]): readonly string[] {
  return [...new Set(tags.map((tag) => tag.toWellFormed()))]
}

/** A `Response`, an `Error` or a `Map` has no keys, as `{}`, which lets the client in. */
function isGrant(decision: unknown): decision is Grant {
  if (typeof decision !== 'object' || decision === null || Array.isArray(decision)) return false
  return Object.keys(decision).length > 0 || isPlain(decision)
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value)
  // An object of another realm has another Object.prototype.
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function isStreamName(value: unknown): value is string {
  return typeof value === 'string' && validateStreamName(value) === undefined
}

/** The age is fixed here, so that a later jump of the wall clock changes nothing. */
function ageUntil(expiresAt: unknown): number | undefined {
  if (expiresAt === undefined) return undefined
  if (!isUnixMs(expiresAt))
    throw failure(`returned expiresAt: ${describeValue(expiresAt)}, expected ${UNIX_MS}`)
  return expiresAt - Date.now()
}
