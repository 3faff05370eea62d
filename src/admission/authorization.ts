import type { Context } from 'hono'
import type { Authorize, Decision, Grant } from '../authorize.ts'
import type { Clock } from '../clock.ts'
import { SserError } from '../errors.ts'
import { streamNameFault, tagFault } from '../wire/names.ts'

const MAX_TAGS = 16
/** Whoever gives seconds where milliseconds are wanted is told so. In milliseconds, this was in 1973. */
const EARLIEST = 100_000_000_000

export interface Judge {
  authorize: Authorize
  authorizeTimeoutMs: number
  maxStreamsPerConnection: number
  clock: Clock
}

/** What a client was granted, checked. */
export interface Granted {
  streams: readonly string[]
  tags: readonly string[]
  /** How long the connection may last, in milliseconds. */
  lastsMs: number | undefined
}

/**
 * Asks the hook. @throws SserError `forbidden`, `expelled`, or `authorization-failed` with what was wrong as its cause;
 * the hook's own HTTPException.
 */
export async function judge(options: Judge, c: Context, streams: readonly string[]): Promise<Granted> {
  let decision: Decision
  try {
    decision = await inTime(options, async () => options.authorize(c, { streams }))
    return grantOf(decision, streams, options.maxStreamsPerConnection)
  } catch (cause) {
    if (cause instanceof SserError ? isRefusal(cause) : isHttpException(cause)) throw cause
    throw new SserError('authorization-failed', 'The hook "authorize" failed', { cause })
  }
}

function isRefusal({ code }: SserError): boolean {
  return code === 'forbidden' || code === 'expelled'
}

/** By its shape, because an app in CommonJS, or one with an install of Hono of its own, has another class of that name. */
function isHttpException(error: unknown): boolean {
  return error instanceof Error && 'getResponse' in error && typeof error.getResponse === 'function'
}

async function inTime<T>({ authorizeTimeoutMs, clock }: Judge, ask: () => Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const cancel = clock.after(authorizeTimeoutMs, () => {
    late.reject(new Error(`it took more than ${authorizeTimeoutMs} ms`))
  })
  try {
    return await Promise.race([ask(), late.promise])
  } finally {
    cancel()
  }
}

function grantOf(decision: Decision, asked: readonly string[], maxStreams: number): Granted {
  if (decision === 'allow') return { streams: asked, tags: [], lastsMs: undefined }
  if (decision === 'deny') throw new SserError('forbidden', 'You may not listen on this')
  if (decision === 'expel') throw new SserError('expelled', 'You may not come back')
  // Whatever a hook says that it cannot say lets nobody in: true, null, a list.
  if (typeof decision !== 'object' || decision === null || Array.isArray(decision))
    throw unclear('a decision')
  const { streams = asked, expiresAt, tags = [], ...rest } = decision
  const unknown = Object.keys(rest)[0]
  if (unknown !== undefined) throw unclear(`"${unknown}"`)
  if (!isListOf(streams, maxStreams, streamNameFault)) throw unclear('streams')
  if (!isListOf(tags, MAX_TAGS, tagFault)) throw unclear('tags')
  const lastsMs = lifetime({ expiresAt })
  if (streams.length === 0 || (lastsMs !== undefined && lastsMs <= 0))
    throw new SserError('forbidden', 'You may not listen on this')
  // As disconnect() writes them: half of a surrogate pair in a name must not keep anybody here.
  const found = new Set(tags.map((tag) => tag.toWellFormed()))
  return { streams: [...new Set(streams)], tags: [...found], lastsMs }
}

function lifetime({ expiresAt }: Pick<Grant, 'expiresAt'>): number | undefined {
  if (expiresAt === undefined) return undefined
  if (!Number.isFinite(expiresAt)) throw unclear('expiresAt')
  if (expiresAt < EARLIEST) throw new Error('expiresAt is in milliseconds, not seconds')
  // From here on the connection lasts so long, whatever becomes of the wall clock.
  return expiresAt - Date.now()
}

function isListOf(value: unknown, max: number, fault: (text: string) => SserError | undefined): boolean {
  if (!Array.isArray(value) || value.length > max) return false
  return value.every((each) => typeof each === 'string' && fault(each) === undefined)
}

function unclear(what: string): Error {
  return new Error(`it gave what is not ${what}`)
}
