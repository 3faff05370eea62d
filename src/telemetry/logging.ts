import type { Clock } from '../clock.ts'
import { describe } from '../errors.ts'
import { printable } from '../printable.ts'
import type { ErrorContext } from './error-reporter.ts'

/** Receives one-line messages, each as one string: `console` and a `pino` logger both fit. */
export interface SserLogger {
  /** Normal operation: start, readiness, drain. */
  info(message: string): void
  /** Problems: lost peers and their recovery, background errors. */
  warn(message: string): void
}

/** Minimum interval between two lines of the same key, in milliseconds. */
const WINDOW_MS = 60_000
/** Maximum number of keys with a window of their own; further keys share one. */
const MAX_KEYS = 256
/** Maximum number of addresses of rejected requests, apart from the other keys because untrusted peers choose them. */
const MAX_ADDRESSES = 64
/** Maximum length of a line, in UTF-16 units; a longer one is cut. */
const MAX_LENGTH = 1_000
/** Default logger: warnings and notices reach the console. */
const QUIET_CONSOLE: SserLogger = { info: () => {}, warn: (message) => console.warn(message) }

/** Rate limit of one key. */
interface Window {
  since: number
  /** Number of lines suppressed since the last one. */
  suppressed: number
}

/** Windows by key, up to a maximum; further keys share one. */
class Windows {
  readonly #maxKeys: number
  readonly #byKey = new Map<string, Window>()
  readonly #shared: Window = { since: Number.NEGATIVE_INFINITY, suppressed: 0 }

  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys
  }

  of(key: string, now: number): Window {
    const known = this.#byKey.get(key)
    if (known !== undefined) return known
    if (this.#byKey.size >= this.#maxKeys) {
      for (const [old, { since }] of this.#byKey) if (now - since >= WINDOW_MS) this.#byKey.delete(old)
    }
    if (this.#byKey.size >= this.#maxKeys) return this.#shared
    const window = { since: Number.NEGATIVE_INFINITY, suppressed: 0 }
    this.#byKey.set(key, window)
    return window
  }
}

/** Logs with a rate limit, so that repeated errors cause few lines. */
export class Logging {
  readonly #logger: SserLogger | undefined
  readonly #clock: Clock
  readonly #windows = new Windows(MAX_KEYS)
  readonly #rejections = new Windows(MAX_ADDRESSES)
  /** Peers with a logged loss. */
  readonly #lost = new Set<string>()
  #isAlone = false

  /** `false` disables logging; undefined logs warnings and notices to the console. */
  constructor(logger: SserLogger | false | undefined, clock: Clock) {
    this.#logger = logger === false ? undefined : (logger ?? QUIET_CONSOLE)
    this.#clock = clock
  }

  info(message: string): void {
    this.#log('info', message)
  }

  /** Logs normal operation that the default logger prints as well: once a start or a stop. */
  notice(message: string): void {
    this.#log('info', message, this.#logger === QUIET_CONSOLE ? console : this.#logger)
  }

  warn(message: string): void {
    this.#log('warn', message)
  }

  /** Logs that this Pod has no peers, or that none has responded. {@link peerRecovered} logs the first one that does. */
  alone(message: string): void {
    this.#isAlone = true
    this.notice(message)
  }

  /**
   * Warns at most once a minute for each `key`, and returns whether it did; the next line has the number of suppressed
   * ones. The number of windows is bounded, so an attacker that chooses keys causes at most 322 lines a minute.
   */
  warnOncePerMinute(key: string, message: string, windows: Windows = this.#windows): boolean {
    const now = this.#clock.now()
    const window = windows.of(key, now)
    if (now - window.since < WINDOW_MS) {
      window.suppressed += 1
      return false
    }
    const suffix = window.suppressed === 0 ? '' : ` (and ${window.suppressed} more since the last such line)`
    window.since = now
    window.suppressed = 0
    this.warn(message + suffix)
    return true
  }

  /** Warns of a background error, once a minute, because retries repeat it. Returns whether it did. */
  backgroundError(error: unknown, { stage, peer }: ErrorContext): boolean {
    const message = STAGE_MESSAGES[stage]
    const where = peer === undefined ? message : `peer ${peer}: ${message}`
    const windows = stage === 'receive' ? this.#rejections : this.#windows
    const isLogged = this.warnOncePerMinute(
      `error ${stage} ${peer ?? ''}`,
      `${where}: ${describe(error)}`,
      windows,
    )
    if (!isLogged || stage !== 'append' || peer === undefined) return isLogged
    this.#lost.add(peer)
    if (this.#lost.size <= MAX_KEYS) return true
    // The oldest entry, because that one is most likely no peer any more.
    const [first] = this.#lost
    this.#lost.delete(first as string)
    return true
  }

  /** Logs that a peer answers, at the level of the line before: its loss, or that no peer has responded. */
  peerRecovered(peer: string): void {
    const isAlone = this.#isAlone
    this.#isAlone = false
    if (this.#lost.delete(peer)) this.warn(`peer ${peer} is back`)
    else if (isAlone) this.notice(`peer ${peer} has answered: this Pod is not alone any more`)
  }

  /** Logs that a peer with a logged loss has left the list. */
  peerRemoved(peer: string): void {
    if (this.#lost.delete(peer)) this.warn(`peer ${peer} is no longer in the list of peers`)
  }

  #log(level: keyof SserLogger, message: string, logger: SserLogger | undefined = this.#logger): void {
    if (logger === undefined) return
    const line = printable(`sser: ${message}`.slice(0, MAX_LENGTH))
    try {
      logger[level](line)
    } catch {
      // An error of the logger must not reach the caller.
    }
  }
}

const STAGE_MESSAGES: Record<ErrorContext['stage'], string> = {
  append: 'sending events failed, retrying',
  receive: 'request rejected',
  'initial-sync': 'initial sync failed',
  'peer-finder': 'peer finder failed',
  deliver: 'connection closed because its delivery failed',
  authorize: 'the hook "authorize" failed, and the request was rejected',
  run: 'the source of a run failed',
}
