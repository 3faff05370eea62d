import { SserError } from '../../errors.ts'

const OLDEST_NODE = [22, 19] as const

/** @throws SserError `unsupported-runtime` where Node is older than the `engines` of package.json allow. */
export function requireNode(version: string = process.versions.node): void {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return
  throw new SserError(
    'unsupported-runtime',
    `sser: expected Node ${OLDEST_NODE.join('.')} or later, got Node ${version}`,
  )
}
