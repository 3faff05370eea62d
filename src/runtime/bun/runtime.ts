import { createPrivateKey, timingSafeEqual, X509Certificate } from 'node:crypto'
import { SserError } from '../../errors.ts'
import type { CertificateReader, PeerTls } from '../../transport/certificates.ts'
import { type Fetch, fetchTransports, type PeerTransports } from '../../transport/peer-transport.ts'
import type { HmacFactory } from '../../transport/signatures.ts'
import type { Runtime } from '../running-pod.ts'
import { bindInternal } from './internal-listener.ts'

/** By Bun's own crypto. */
export const bunHmac: HmacFactory = (secret) => {
  const bytesOf = (head: string, body: string) =>
    new Bun.CryptoHasher('sha256', secret).update(head).update(body).digest()
  return {
    sign: (head, body) => bytesOf(head, body).toString('base64url'),
    verify: (mac, head, body) => timingSafeEqual(Buffer.from(mac, 'base64url'), bytesOf(head, body)),
  }
}

/** By Bun's own modules. */
export const certificateReader: CertificateReader = {
  readFile: (path) => Bun.file(path).text(),
  validity({ key, cert, ca }) {
    const certificate = new X509Certificate(cert)
    // Throws if the CA is no certificate.
    new X509Certificate(ca)
    if (!certificate.checkPrivateKey(createPrivateKey(key)))
      throw new Error('the key is not that of the certificate')
    return { from: Date.parse(certificate.validFrom), to: Date.parse(certificate.validTo) }
  },
}

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

/** `bun --hot` evaluates the app anew after each save, in the same process and on the same ports. */
export const isHot: boolean = process.execArgv.includes('--hot')

interface Generation {
  /** Tells one evaluation of this module from the next. */
  of: object
  retire: () => void
}

const generations = Symbol.for('sser.hot')
const thisGeneration = {}

/**
 * Under `bun --hot`: retires the server that an earlier evaluation of the app has started with the same `key`, because its
 * clients would get heartbeats and no events from it. `retire` is called when a later evaluation does the same.
 */
export function replacePrevious(key: string, retire: () => void): void {
  if (!isHot) return
  const shared = globalThis as { [generations]?: Map<string, Generation> }
  shared[generations] ??= new Map()
  const previous = shared[generations].get(key)
  shared[generations].set(key, { of: thisGeneration, retire })
  if (previous !== undefined && previous.of !== thisGeneration) previous.retire()
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
