import type { Clock } from '../clock.ts'
import { describe } from '../errors.ts'
import { printable } from '../printable.ts'
import type { ErrorContext } from './error-reporter.ts'

/**
 * Where an instance says what somebody ought to know, each time as one string of one line: `console` and a `pino`
 * logger both fit.
 */
export interface Logger {
  /** What goes its usual way: it starts, is ready, drains; a peer is back. */
  info(message: string): void
  /** What somebody should look at: a peer is lost, a fault in the background. */
  warn(message: string): void
}

/** How often one thing is said at most, in milliseconds. */
const WINDOW_MS = 60_000
/** Things that are told apart at a time; further ones share a window. */
const MAX_KEYS = 256
/** Addresses whose refused requests are told apart. Strangers choose these, and must not crowd out the rest. */
const MAX_ADDRESSES = 64
/** A longer line is cut, in UTF-16 units. */
const MAX_LENGTH = 1_000
/** Without a logger of its own, an instance says only what it warns of. */
const QUIET_CONSOLE: Logger = { info: () => {}, warn: (message) => console.warn(message) }

/** One thing that is said again and again. */
interface Window {
  since: number
  /** What was not said since the last line. */
  leftOut: number
}

/** The windows of some keys; further keys share one. */
class Windows {
  readonly #most: number
  readonly #byKey = new Map<string, Window>()
  readonly #others: Window = { since: Number.NEGATIVE_INFINITY, leftOut: 0 }

  constructor(most: number) {
    this.#most = most
  }

  of(key: string, now: number): Window {
    const known = this.#byKey.get(key)
    if (known !== undefined) return known
    if (this.#byKey.size >= this.#most) {
      for (const [old, { since }] of this.#byKey) if (now - since >= WINDOW_MS) this.#byKey.delete(old)
    }
    if (this.#byKey.size >= this.#most) return this.#others
    const window = { since: Number.NEGATIVE_INFINITY, leftOut: 0 }
    this.#byKey.set(key, window)
    return window
  }
}

/** What an instance says: few lines, however much goes wrong. */
export class Logging {
  readonly #logger: Logger | undefined
  readonly #clock: Clock
  readonly #windows = new Windows(MAX_KEYS)
  readonly #refusals = new Windows(MAX_ADDRESSES)
  /** Peers of which it was said that they are lost. */
  readonly #lost = new Set<string>()

  /** `false` says nothing; undefined warns on the console. */
  constructor(logger: Logger | false | undefined, clock: Clock) {
    this.#logger = logger === false ? undefined : (logger ?? QUIET_CONSOLE)
    this.#clock = clock
  }

  info(message: string): void {
    this.#say('info', message)
  }

  warn(message: string): void {
    this.#say('warn', message)
  }

  /**
   * Warns once a minute for each `key`, and returns whether it did; the next line says how many were left out. Whoever
   * can choose keys cannot make it say more than 322 lines a minute, or remember more.
   */
  warnOncePerMinute(key: string, message: string, windows: Windows = this.#windows): boolean {
    const now = this.#clock.now()
    const window = windows.of(key, now)
    if (now - window.since < WINDOW_MS) {
      window.leftOut += 1
      return false
    }
    const leftOut = window.leftOut === 0 ? '' : ` (and ${window.leftOut} more since the last such line)`
    window.since = now
    window.leftOut = 0
    this.warn(message + leftOut)
    return true
  }

  /** A fault in the background, rarely: a peer that is away is a fault each time that it is tried. True: it was said. */
  fault(error: unknown, { stage, peer }: ErrorContext): boolean {
    const what = FAULTS[stage]
    const where = peer === undefined ? what : `peer ${peer}: ${what}`
    const windows = stage === 'receive' ? this.#refusals : this.#windows
    const isSaid = this.warnOncePerMinute(
      `fault ${stage} ${peer ?? ''}`,
      `${where}: ${describe(error)}`,
      windows,
    )
    if (!isSaid || stage !== 'append' || peer === undefined) return isSaid
    this.#lost.add(peer)
    if (this.#lost.size <= MAX_KEYS) return true
    // The one that was lost first: most likely it is no peer any more.
    const [first] = this.#lost
    this.#lost.delete(first as string)
    return true
  }

  /** A peer that could not be reached answers again: worth a line where its loss was. */
  back(peer: string): void {
    if (this.#lost.delete(peer)) this.info(`peer ${peer} is back`)
  }

  #say(level: keyof Logger, message: string): void {
    if (this.#logger === undefined) return
    const line = printable(`sser: ${message}`.slice(0, MAX_LENGTH))
    try {
      this.#logger[level](line)
    } catch {
      // A logger that throws must not take down what it was told of.
    }
  }
}

const FAULTS: Record<ErrorContext['stage'], string> = {
  append: 'cannot be given events, and is tried again',
  receive: 'a request of a peer was refused',
  'initial-sync': 'cannot be asked for the log',
  'peer-finder': 'the peer finder failed',
  deliver: 'a connection could not be served, and was ended',
  authorize: 'the hook "authorize" failed, and nobody was let in',
}
