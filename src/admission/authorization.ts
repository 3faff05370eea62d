import type { Context } from 'hono'
import type { Authorize, Decision, Grant } from '../authorize.ts'
import { type Clock, withTimeout } from '../clock.ts'
import { SserError } from '../errors.ts'
import { describeValue } from '../printable.ts'
import { validateStreamName, validateTag } from '../wire/names.ts'

const MAX_TAGS = 16
/** Milliseconds of Unix time in 1973: a smaller `expiresAt` is in seconds. */
const MIN_EXPIRES_AT = 100_000_000_000
const DECISIONS = "'allow', 'deny', 'stop' or { streams, expiresAt, tags }"

export interface AuthorizeOptions {
  authorize: Authorize
  authorizeTimeoutMs: number
  maxStreamsPerConnection: number
  clock: Clock
}

/** A validated decision of `authorize` that lets the client in. */
export interface CheckedGrant {
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
  streams: readonly string[],
): Promise<CheckedGrant> {
  const { authorizeTimeoutMs, clock } = options
  try {
    const call = async () => options.authorize(c, { streams })
    const late = () => failure(`did not settle within authorizeTimeoutMs, ${authorizeTimeoutMs} ms`)
    const decision = await withTimeout(clock, authorizeTimeoutMs, call, late)
    return checkDecision(decision, streams, options.maxStreamsPerConnection)
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

function checkDecision(decision: Decision, requested: readonly string[], maxStreams: number): CheckedGrant {
  if (decision === 'allow') return { streams: requested, tags: [], maxAgeMs: undefined }
  if (decision === 'deny') throw new SserError('forbidden', 'You may not listen on this')
  if (decision === 'stop') throw new SserError('blocked', 'You may not come back')
  if (!isGrant(decision)) throw failure(`returned ${describeValue(decision)}, expected ${DECISIONS}`)
  const { streams = requested, expiresAt, tags = [], ...rest } = decision
  const unknown = Object.keys(rest)[0]
  if (unknown !== undefined)
    throw failure(`returned an object with the key "${unknown}", expected ${DECISIONS}`)
  checkList('streams', streams, `at most ${maxStreams} stream names (maxStreamsPerConnection)`, (list) => {
    return list.length <= maxStreams && list.every((name) => isString(name) && !validateStreamName(name))
  })
  checkList('tags', tags, `at most ${MAX_TAGS} strings of 1 to 256 characters`, (list) => {
    return list.length <= MAX_TAGS && list.every((tag) => validateTag(tag as string) === undefined)
  })
  const maxAgeMs = ageUntil(expiresAt)
  if (streams.length === 0 || (maxAgeMs !== undefined && maxAgeMs <= 0))
    throw new SserError('forbidden', 'You may not listen on this')
  // disconnect() sends tags in this form: otherwise a tag with a lone surrogate would never match.
  const wellFormed = new Set(tags.map((tag) => tag.toWellFormed()))
  return { streams: [...new Set(streams)], tags: [...wellFormed], maxAgeMs }
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

function isString(value: unknown): value is string {
  return typeof value === 'string'
}

function checkList(
  name: string,
  value: unknown,
  expected: string,
  isValid: (list: unknown[]) => boolean,
): void {
  if (Array.isArray(value) && isValid(value)) return
  throw failure(`returned ${name}: ${describeValue(value)}, expected ${expected}`)
}

/** The age is fixed here, so that a later jump of the wall clock changes nothing. */
function ageUntil(expiresAt: unknown): number | undefined {
  if (expiresAt === undefined) return undefined
  if (typeof expiresAt !== 'number' || !Number.isFinite(expiresAt) || expiresAt < MIN_EXPIRES_AT)
    throw failure(
      `returned expiresAt: ${describeValue(expiresAt)}, expected milliseconds of Unix time: a JWT's exp times 1,000`,
    )
  return expiresAt - Date.now()
}
