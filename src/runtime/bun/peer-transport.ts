import type { PeerTls } from '../../transport/certificates.ts'
import { type DuplexTransport, fetchDuplexTransport } from '../../transport/duplex-transport.ts'
import { type Fetch, fetchTransport, type PeerTransport } from '../../transport/peer-transport.ts'

/**
 * Transport with the certificates of `current`; undefined without them: the default transport is Bun's `fetch`, too.
 */
export function bunTransport(current: (() => PeerTls) | undefined): PeerTransport | undefined {
  return current === undefined ? undefined : fetchTransport(fetchWith(current))
}

/** Opens a POST whose body stays open, with the certificates of `current`. */
export function bunDuplexTransport(current: (() => PeerTls) | undefined): DuplexTransport {
  return fetchDuplexTransport(current === undefined ? fetch : fetchWith(current))
}

function fetchWith(current: () => PeerTls): Fetch {
  let tls = current()
  let strict = strictly(tls)
  return (url, init) => {
    if (tls !== current()) {
      tls = current()
      strict = strictly(tls)
    }
    return fetch(url.replace('http:', 'https:'), { ...init, tls: strict })
  }
}

function strictly(tls: PeerTls): PeerTls & { rejectUnauthorized: true } {
  // Said, so that NODE_TLS_REJECT_UNAUTHORIZED, which may be there for other calls, does not let any peer in.
  return { ...tls, rejectUnauthorized: true }
}
