import type { SserError, SserErrorCode } from '../errors.ts'
import type { Logging } from './logging.ts'

/** Where in the background a fault was met. */
export type ErrorStage = 'append' | 'receive' | 'initial-sync' | 'peer-finder' | 'deliver' | 'authorize'

/** What {@link OnError} is told beside the error. */
export interface ErrorContext {
  /** Where it happened. */
  stage: ErrorStage
  /** The peer concerned, as `address:port`. */
  peer?: string
}

/** Hears of errors that no caller is waiting for. What it throws is dropped. */
export type OnError = (error: unknown, context: ErrorContext) => void

/** Counts what was refused and what failed, and passes failures on: nothing in the background ever throws. */
export class ErrorReporter {
  readonly counts: Record<ErrorStage, number> = {
    append: 0,
    receive: 0,
    'initial-sync': 0,
    'peer-finder': 0,
    deliver: 0,
    authorize: 0,
  }
  /** What clients and peers sent that was refused, by the code of the refusal. */
  readonly rejected: Partial<Record<SserErrorCode, number>> = {}
  readonly #onError: OnError | undefined
  readonly #logging: Logging | undefined

  constructor(onError?: OnError, logging?: Logging) {
    this.#onError = onError
    this.#logging = logging
  }

  /** Counts input that was refused. */
  countRejected(code: SserErrorCode): void {
    this.rejected[code] = (this.rejected[code] ?? 0) + 1
  }

  /** A peer's request that was refused. `peer` is the address it came from, which is told of once a minute. */
  reportRejected(error: SserError, peer: string | undefined): void {
    const context = { stage: 'receive', ...(peer !== undefined && { peer }) } as const
    this.countRejected(error.code)
    this.counts.receive += 1
    if (this.#logging?.fault(error, context) !== false) this.#tell(error, context)
  }

  /** `isBrief`: it may be over at once. It is counted and told, and not logged. */
  report(error: unknown, context: ErrorContext, { isBrief = false }: { isBrief?: boolean } = {}): void {
    this.counts[context.stage] += 1
    if (!isBrief) this.#logging?.fault(error, context)
    this.#tell(error, context)
  }

  #tell(error: unknown, context: ErrorContext): void {
    try {
      this.#onError?.(error, context)
    } catch {
      // A listener that throws must not take the link or the flush down with it.
    }
  }

  /** A peer whose appends failed takes them again. */
  recovered(peer: string): void {
    this.#logging?.back(peer)
  }
}
