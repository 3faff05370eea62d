import { createPrivateKey, timingSafeEqual, X509Certificate } from 'node:crypto'
import type { CertificateReader } from '../../transport/certificates.ts'
import type { HmacFactory } from '../../transport/signatures.ts'

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
