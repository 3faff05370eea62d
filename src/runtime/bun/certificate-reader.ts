import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { CertificateReader } from '../../transport/certificates.ts'

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
