import type { ClientErrorCode, ErrorDetails } from './source.ts'

/** The one error class of `sser/client`: a stable `code`, a message for people, and the `cause` where there is one. */
export class ClientError extends Error {
  override readonly name = 'ClientError'
  readonly code: ClientErrorCode
  /** HTTP status of the response, if there was one. */
  readonly status: number | undefined
  /** The server's reason, where it gave one, such as `too-many-connections`. */
  readonly reason: string | undefined

  constructor({ code, message, status, reason }: ErrorDetails, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
    this.status = status
    this.reason = reason
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Errors that the client recovers from, or that are no fault. */
const QUIET: readonly ClientErrorCode[] = ['network', 'silent', 'unavailable', 'ended']

/** Writes an error to the console where the page has no `onError`. */
export function logError(error: ClientError): void {
  if (!QUIET.includes(error.code)) console.error(error)
}

/** Calls back to the page. An error of the callback is reported as an uncaught one, and ends nothing. */
export function guarded<T>(callback: ((value: T) => void) | undefined): (value: T) => void {
  return (value) => {
    try {
      callback?.(value)
    } catch (error) {
      queueMicrotask(() => {
        throw error
      })
    }
  }
}
