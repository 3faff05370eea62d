import { SserError } from '../../errors.ts'
import type { PeerTls } from '../../transport/certificates.ts'
import { type Fetch, fetchTransports, type PeerTransports } from '../../transport/peer-transport.ts'
import type { Runtime } from '../running-pod.ts'
import { bunHmac, certificateReader } from './crypto.ts'
import { isHot } from './hot.ts'
import { bindInternal } from './internal-listener.ts'

/**
 * Transports with the certificates of `current`; undefined without them: the default transports use Bun's `fetch`, too.
 */
export function bunTransports(current: (() => PeerTls) | undefined): PeerTransports | undefined {
  if (current === undefined) return undefined
  let tls = current()
  let strict = strictly(tls)
  const fetchTls: Fetch = (url, init) => {
    if (tls !== current()) {
      tls = current()
      strict = strictly(tls)
    }
    return fetch(url.replace('http:', 'https:'), { ...init, tls: strict })
  }
  return fetchTransports(fetchTls)
}

function strictly(tls: PeerTls): PeerTls & { rejectUnauthorized: true } {
  // Said, so that NODE_TLS_REJECT_UNAUTHORIZED, which may be there for other calls, does not let any peer in.
  return { ...tls, rejectUnauthorized: true }
}

/** @throws SserError `unsupported-runtime` under another runtime than Bun. */
export function requireBun(): void {
  if (process.versions.bun !== undefined) return
  throw new SserError(
    'unsupported-runtime',
    `sser/bun: expected Bun, got Node ${process.versions.node}; import serve from sser/node`,
  )
}

/** The parts of Bun that `serve()` and `join()` use. */
export const bunRuntime: Runtime = {
  bindInternal,
  process,
  transports: bunTransports,
  hmacFactory: bunHmac,
  certificateReader,
  // It waits for the next save.
  exitsOnSignal: isHot,
}
