import { printable } from '../printable.ts'

/** The input and output streams of a command. */
export interface CommandIo {
  stdin: AsyncIterable<Uint8Array | string> & { isTTY?: boolean }
  stdout: { write(text: string): unknown; isTTY?: boolean }
  stderr: { write(text: string): unknown }
  /** Environment variables. */
  env: Readonly<Record<string, string | undefined>>
  /** Aborts with the name of the signal that ends the command. */
  signal: AbortSignal
}

export const EXIT = { ok: 0, failed: 1, usage: 2, unconfirmed: 3 } as const

const EXIT_OF_SIGNAL: Record<string, number> = { SIGINT: 130, SIGTERM: 143 }

/** The exit code of a command that a signal ended, as a shell counts it. */
export function exitCodeOf(signal: AbortSignal): number {
  return EXIT_OF_SIGNAL[String(signal.reason)] ?? EXIT.failed
}

/** Text of a server, fit for a terminal; a pipe gets the text as it came. */
export function shown({ stdout }: CommandIo, text: string): string {
  return stdout.isTTY === true ? text.split('\n').map(printable).join('\n') : text
}

/** An error with its causes in one line. */
export function reasonOf(error: unknown): string {
  const { message, cause } = error as Error & { cause?: { code?: string; message?: string } }
  const inner = cause?.message || cause?.code
  return printable(inner === undefined ? String(message ?? error) : `${message}: ${inner}`)
}
