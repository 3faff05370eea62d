import { SserError } from '../../errors.ts'

/** @throws SserError `unsupported-runtime` under another runtime than Bun. */
export function requireBun(): void {
  if (process.versions.bun !== undefined) return
  throw new SserError(
    'unsupported-runtime',
    `sser/bun: expected Bun, got Node ${process.versions.node}; import serve from sser/node`,
  )
}
