import {
  createHash,
  createHmac,
  createPrivateKey,
  createSecretKey,
  hash,
  timingSafeEqual,
  X509Certificate,
} from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import type { CertificateReader } from '../../transport/certificates.ts'
import type { HmacFactory } from '../../transport/signatures.ts'
import type { Runtime } from '../running-pod.ts'
import { httpTransports } from './http-transport.ts'
import { bindInternal } from './internal-listener.ts'

/** Bytes of a block of SHA-256, and of its result. */
const BLOCK_BYTES = 64
const HASH_BYTES = 32
/** Longest text that is copied behind a key, in UTF-16 units; each takes at most 3 bytes. */
const SHORT_LENGTH = 16_384

/**
 * By Node's own crypto. Short texts, as nearly all are, go through `hash()` twice, because the object that `createHmac()`
 * makes costs more than both.
 * @see https://www.rfc-editor.org/rfc/rfc2104
 */
export const nodeHmac: HmacFactory = (secret) => {
  const key = createSecretKey(secret, 'utf8')
  const inner = Buffer.alloc(BLOCK_BYTES + 3 * SHORT_LENGTH)
  const outer = Buffer.alloc(BLOCK_BYTES + HASH_BYTES)
  const bytes = Buffer.from(secret, 'utf8')
  const block = Buffer.alloc(BLOCK_BYTES)
  const short = bytes.byteLength > BLOCK_BYTES ? createHash('sha256').update(bytes).digest() : bytes
  short.copy(block)
  for (let i = 0; i < BLOCK_BYTES; i += 1) {
    const byte = block[i] as number
    inner[i] = byte ^ 0x36
    outer[i] = byte ^ 0x5c
  }
  const sign = (head: string, body: string) => {
    if (head.length + body.length > SHORT_LENGTH)
      return createHmac('sha256', key).update(head).update(body).digest('base64url')
    const end = BLOCK_BYTES + inner.write(head + body, BLOCK_BYTES, 'utf8')
    outer.write(hash('sha256', inner.subarray(0, end), 'binary'), BLOCK_BYTES, 'latin1')
    return hash('sha256', outer, 'base64url')
  }
  return {
    sign,
    verify: (mac, head, body) => timingSafeEqual(Buffer.from(mac), Buffer.from(sign(head, body))),
  }
}

/** By Node's own modules. */
export const certificateReader: CertificateReader = {
  readFile: (path) => readFile(path, 'utf8'),
  validity({ key, cert, ca }) {
    // Throws if the text is no PEM.
    createSecureContext({ key, cert, ca })
    const certificate = new X509Certificate(cert)
    if (!certificate.checkPrivateKey(createPrivateKey(key)))
      throw new Error('the key is not that of the certificate')
    return { from: Date.parse(certificate.validFrom), to: Date.parse(certificate.validTo) }
  },
}

/** The parts of Node that `serve()` and `join()` use. */
export const nodeRuntime: Runtime = {
  bindInternal,
  process,
  transports: httpTransports,
  hmacFactory: nodeHmac,
  certificateReader,
}
