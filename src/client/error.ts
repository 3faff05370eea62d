import type { ClientErrorCode, ErrorDetails } from './source.ts'

/** The one error class of `sser/client`: a stable `code`, a message for people, and the `cause` where there is one. */
export class ClientError extends Error {
  override readonly name = 'ClientError'
  readonly code: ClientErrorCode
  /** HTTP status of the response, if there was one. */
  readonly status: number | undefined

  constructor({ code, message, status }: ErrorDetails, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
    this.status = status
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
